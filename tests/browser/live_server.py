"""The live pages with their models, as a server hands them out and as one offline file."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LIVE = Path(__file__).parents[2] / "site" / "live"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class LivePages:
    """`with LivePages(folder) as live: live.url("mask")`; all in one file is `live.offline`."""

    def __init__(self, folder: Path):
        self.folder, self.offline = folder / "live", folder / "offline.html"
        shutil.copytree(LIVE, self.folder, ignore=shutil.ignore_patterns("models", "__pycache__"))
        run = functools.partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
        run([sys.executable, LIVE / "build.py", self.folder / "models"])
        run([sys.executable, LIVE / "offline.py", self.folder, self.offline])
        handler = functools.partial(Quiet, directory=str(self.folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> LivePages:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def url(self, page: str) -> str:
        return f"{self.address}{page}.html"
