"""A web server on the loopback address that can misbehave, for tests of downloads."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What is sent for one path. promised: the Content-Length, if not the length of `body`."""

    body: bytes
    status: int = 200
    promised: int | None = None
    before_body: Callable[[], object] = lambda: None


class LoopbackServer:
    """`with LoopbackServer() as server: server.pages["/a"] = Page(b"..."); server.url("/a")`"""

    def __init__(self):
        self.pages: dict[str, Page] = {}
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> "LoopbackServer":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests.append(self.path)
            page = server.pages.get(self.path, Page(b"no such page", status=404))
            self.send_response(page.status)
            self.send_header("Content-Length", str(page.promised or len(page.body)))
            self.end_headers()
            page.before_body()
            self.wfile.write(page.body)  # then the connection is closed, however much was promised

        def log_message(self, *_):
            pass

    return Handler


def closed_port_url(path: str) -> str:
    """An address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}{path}"
