"""JupyterLab on the loopback address: notebooks, settings and state in a folder of its own.

    with LabServer(folder, notebooks) as server: server.address("02_masked_convolutions.ipynb")

Nothing of the repository changes: the notebooks are copies, and JupyterLab and its kernels write to
`folder` alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from notebook_pairs import ROOT
from open_lab import free_port

START_TIMEOUT = 120  # seconds; a few on an idle machine
STOP_TIMEOUT = 20
SETTINGS = {
    # Every cell is in the page at any time: otherwise those far from view do not exist in it.
    "notebook-extension/tracker": {"windowingMode": "none"},
    # Nothing is fetched from elsewhere.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


class LabServer:
    """Started and stopped by `with`; a RuntimeError holds the end of its log if it does not start.

    notebooks   files to copy; beside them stand the project's results, which chapters read
    """

    def __init__(self, folder: Path, notebooks: Sequence[Path]):
        self.folder, self.notebooks = folder, folder / "notebooks"
        self.log = folder / "jupyterlab.log"
        self.port, self.token = free_port(8930), secrets.token_hex(12)
        self.notebooks.mkdir(parents=True)
        shutil.copytree(ROOT / "results", folder / "results")
        for path in notebooks:
            shutil.copy(path, self.notebooks)
        self._write_settings()

    def address(self, notebook: str | None = None) -> str:
        """Of JupyterLab with a fresh workspace and one notebook; of the server's state for None."""
        page = "api/status?" if notebook is None else f"lab/tree/notebooks/{notebook}?reset&"
        return f"http://127.0.0.1:{self.port}/{page}token={self.token}"

    def trust(self, path: Path) -> None:
        """Sign a notebook in the store of this server."""
        command = [sys.executable, "-m", "jupyter", "trust", str(path)]
        subprocess.run(command, env=self._environment(), check=True, capture_output=True)

    def __enter__(self) -> LabServer:
        with self.log.open("w", encoding="utf-8") as log:
            to_log = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            options = {"cwd": self.folder, "env": self._environment(), **to_log}
            self._process = subprocess.Popen(self._command(), **options)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()  # it ends its kernels, too
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}"]
        command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.folder}"]
        return [*command, "--LabApp.expose_app_in_browser=True"]

    def _environment(self) -> dict[str, str]:
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "TUTORIAL_STATE_DIR": "state",
        }
        own = {name: str(self.folder / place) for name, place in folders.items()}
        own |= {"JUPYTER_TOKEN": self.token, "TUTORIAL_PROFILE": "smoke"}
        # A backend chosen for the tests' own process would take the kernels' figures away.
        inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        return {**inherited, **own}

    def _write_settings(self) -> None:
        for name, settings in SETTINGS.items():
            path = self.folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings), encoding="utf-8")

    def _wait_until_it_answers(self) -> None:
        started = time.monotonic()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < started + START_TIMEOUT and self._process.poll() is None:
            try:
                with opener.open(self.address(), timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        end = self.log.read_text(encoding="utf-8")[-3000:]
        raise RuntimeError(f"JupyterLab did not start within {START_TIMEOUT} s:\n{end}")
