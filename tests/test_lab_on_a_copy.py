"""What `make lab` starts, where jupytext is installed: a server that pairs no notebook with a text.

The server is the real one, asked as JupyterLab asks it.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from notebook_pairs import NOTEBOOKS, ROOT
from open_lab import free_port

CHAPTER = "notebooks/02_masked_convolutions.ipynb"
ANSWER = "return mask_that_i_wrote"
TOKEN = "a-token-of-this-test"


class Lab:
    """`make lab`, after the set-up, on a copy in `folder`."""

    def __init__(self, folder):
        self.copy, self.log, self.port = folder / "mine", folder / "log", free_port(8950)
        command = [sys.executable, str(ROOT / "tools" / "open_lab.py"), "--copy", str(self.copy)]
        command += ["--port", str(self.port), "--no-browser"]
        folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "jupyter"}
        folders |= {"JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
        folders |= {"JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
        own = {name: str(folder / place) for name, place in folders.items()}
        environment = {**os.environ, **own, "JUPYTER_TOKEN": TOKEN}
        with self.log.open("wb") as log:
            to_log = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, env=environment, **to_log)

    def ask(self, method, path, content=None):
        """Status and answer of the contents of the server."""
        url = f"http://127.0.0.1:{self.port}/api/contents/{path}"
        headers = {"Authorization": f"token {TOKEN}"}
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as problem:
            return problem.code, problem.read().decode()

    def wait(self):
        began = time.monotonic()
        while time.monotonic() < began + 120 and self.process.poll() is None:
            try:
                if self.ask("GET", "")[0] == 200:
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError(self.log.read_text(encoding="utf-8")[-3000:])

    def notebook(self, path=CHAPTER):
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer["content"]

    def save(self, content, path=CHAPTER):
        model = {"type": "notebook", "format": "json", "content": content}
        status, answer = self.ask("PUT", path, model)
        assert status in (200, 201), answer

    def duplicate(self):
        """The name of the file that JupyterLab's Duplicate makes, after it was saved once."""
        status, answer = self.ask("POST", "notebooks", {"copy_from": CHAPTER})
        assert status == 201, answer
        self.save(self.notebook(answer["path"]), answer["path"])
        return answer["path"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pytest.importorskip("jupytext")
    lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        yield lab.wait()
    finally:
        lab.process.terminate()
        lab.process.wait(30)


def texts(folder):
    return sorted(path.name for path in folder.rglob("*.py"))


def contents_of_the_project():
    files = [*NOTEBOOKS.rglob("*.ipynb"), *NOTEBOOKS.rglob("*.py")]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def answered(notebook):
    """The notebook with an answer in its first exercise."""
    cell = next(each for each in notebook["cells"] if "    ____" in each["source"])
    cell["source"] = cell["source"].replace("____", ANSWER, 1)
    return notebook


def test_a_fresh_copy_is_trusted(lab):
    code = [each for each in lab.notebook()["cells"] if each["cell_type"] == "code"]
    assert code and all(each["metadata"]["trusted"] for each in code)


def test_an_answer_is_saved_and_the_project_and_its_texts_stay_as_they_are(lab):
    before = contents_of_the_project()
    lab.save(answered(lab.notebook()))
    assert any(ANSWER in each["source"] for each in lab.notebook()["cells"])
    assert contents_of_the_project() == before and texts(lab.copy) == []


def test_a_notebook_that_was_changed_elsewhere_opens_with_what_was_written_there(lab):
    path = lab.copy / CHAPTER
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][-1]["source"] = ["Written in another editor."]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    for _ in range(2):  # opened, and opened again after a save
        content = lab.notebook()
        assert content["cells"][-1]["source"] == "Written in another editor."
        lab.save(content)


def test_a_text_that_is_newer_hides_nothing(lab):
    lab.save(answered(lab.notebook()))
    stale = lab.copy / "notebooks" / "text" / "02_masked_convolutions.py"
    stale.parent.mkdir(exist_ok=True)
    stale.write_text("# %%\nx = 1\n", encoding="utf-8")
    assert any(ANSWER in each["source"] for each in lab.notebook()["cells"])
    stale.unlink()


def test_a_duplicate_makes_no_text(lab):
    assert lab.duplicate().endswith("-Copy1.ipynb")
    assert texts(lab.copy) == []


def test_the_probe_sees_the_text_that_a_pairing_would_make(lab):
    """The same server, once its folder has a setting that pairs."""
    settings = lab.copy / "jupytext.toml"
    settings.write_text('formats = "ipynb,py:percent"\n', encoding="utf-8")
    name = lab.duplicate()
    settings.unlink()
    assert texts(lab.copy) == [name.removeprefix("notebooks/").replace(".ipynb", ".py")]
