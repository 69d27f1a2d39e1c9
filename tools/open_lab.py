"""Open JupyterLab on a copy of the notebooks: as any user, with or without a display.

    python tools/open_lab.py                  the copy lies in my-copy/, which git ignores
    python tools/open_lab.py --copy FOLDER    it lies where you say

`make lab` calls this in the project's environment; any environment with the package and JupyterLab
will do. What is not listed by --help goes to JupyterLab as it is.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import machine_checks
import working_copy

ROOT = Path(__file__).resolve().parent.parent
FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"


def has_display(environ: dict, platform: str = sys.platform) -> bool:
    """Whether a browser opened here would appear before the person who asked for it."""
    if "SSH_CONNECTION" in environ or "SSH_TTY" in environ:
        return False
    if platform.startswith(("win", "darwin", "cygwin")):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first: int, tries: int = 50, free=is_free) -> int:
    """The first free port from `first` on; `first` itself if none is, so that Jupyter complains."""
    return next((port for port in range(first, first + tries) if free(port)), first)


def lab_command(python, folder, page: str, port: int, *, root: bool, browser: bool, extra=()):
    """The command line of JupyterLab; `extra` comes last, so that it has the last word.

    The server's root is the whole copy: named as a file, the notebook would become the only thing
    in reach.
    """
    command = [str(python), "-m", "jupyterlab", f"--port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/{page}"]
    command += ["--allow-root"] if root else []
    command += [] if browser else ["--no-browser"]
    return command + list(extra)


def address(page: str, port: int, token: str | None) -> str:
    return f"http://127.0.0.1:{port}/{page}" + (f"?token={token}" if token else "")


def announce(url: str, port: int, *, browser: bool) -> None:
    print(f"\nJupyterLab opens at\n\n    {url}\n\nStop it here with Ctrl-C.", flush=True)
    if not browser:
        print(
            "No display here, so open that address yourself. From another computer, first run\n"
            f"    ssh -L {port}:127.0.0.1:{port} THIS-MACHINE",
            flush=True,
        )


def replace_process(command: list, environ: dict, folder: Path) -> int:
    """Become JupyterLab, so that signals reach it; Windows can't, so wait for it there."""
    os.chdir(str(folder))
    if os.name != "nt":
        os.execve(command[0], command, environ)
    try:
        return subprocess.call(command, env=environ)
    except KeyboardInterrupt:
        return 0


def open_lab(folder: Path, *, port: int, extra: list) -> int:
    """Open the copy in `folder`; where this can be done in place, it does not return."""
    page = f"lab/tree/{FIRST_NOTEBOOK}"
    if not (folder / FIRST_NOTEBOOK).exists():
        print(f"{FIRST_NOTEBOOK} is not in this folder: opening the file browser instead.")
        page = "lab"
    port, browser = free_port(port), has_display(os.environ)
    own_token = any("token" in each or "password" in each for each in extra)
    token = None if own_token else os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    environ = dict(os.environ, **({"JUPYTER_TOKEN": token} if token else {}))
    announce(address(page, port, token), port, browser=browser)
    who = {"root": is_root(), "browser": browser}
    command = lab_command(sys.executable, folder, page, port, **who, extra=extra)
    return replace_process(command, environ, folder)


def arguments(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8888, help="first port to try for JupyterLab")
    parser.add_argument(
        "--copy", type=Path, default=ROOT / working_copy.FOLDER, metavar="FOLDER", help="yours"
    )
    known, rest = parser.parse_known_args(argv)
    return known, [each for each in rest if each != "--"]


def main(argv: list[str]) -> int:
    machine_checks.show_any_folder()
    known, rest = arguments(argv)
    folder = Path(os.path.expanduser(known.copy)).resolve()  # ~nobody is a name like any other
    try:
        copied = working_copy.hand_out(ROOT, folder)
    except working_copy.CopyError as problem:
        print(problem, file=sys.stderr)
        return 1
    print("\n".join(working_copy.told(copied, folder)), flush=True)
    return open_lab(folder, port=known.port, extra=rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
