"""Where the browser tests look for a Chromium, and that they stay out of `make test`."""

import sys
from pathlib import Path

import find_chromium as finder
import pytest
from find_chromium import HOW_TO_GET_ONE, VARIABLE, NoChromium, find_chromium
from project_address import tomllib

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def program(tmp_path):
    """A function that puts a program into a folder of its own."""

    def make(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


def environ(tmp_path, **changes):
    """Of a machine without any browser."""
    return {"PATH": "", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "none"), **changes}


def test_the_variable_has_the_first_word(program, tmp_path):
    named, other = program("own/browser"), program("bin/chromium")
    given = environ(tmp_path, PATH=str(other.parent), **{VARIABLE: str(named)})
    assert find_chromium(given) == named


def test_a_variable_that_names_nothing_is_an_error_and_not_passed_over(program, tmp_path):
    given = environ(tmp_path, PATH=str(program("bin/chromium").parent), **{VARIABLE: "/no/such"})
    with pytest.raises(NoChromium, match=f"{VARIABLE} names '/no/such', which is no file"):
        find_chromium(given)


@pytest.mark.skipif(sys.platform == "win32", reason="programs end in .exe there")
@pytest.mark.parametrize("name", finder.NAMES)
def test_the_usual_names_are_found_on_the_path(program, tmp_path, name):
    path = program(f"bin/{name}")
    assert find_chromium(environ(tmp_path, PATH=str(path.parent))) == path


@pytest.mark.parametrize(
    "place",
    [
        "chromium-1200/chrome-linux/chrome",
        "chromium-1200/chrome-linux64/chrome",
        "chromium-1200/chrome-mac/Chromium.app/Contents/MacOS/Chromium",
        "chromium-1200/chrome-win/chrome.exe",
    ],
)
def test_what_playwright_has_downloaded_is_found(program, tmp_path, place):
    path = program(f"cache/{place}")
    given = environ(tmp_path, PLAYWRIGHT_BROWSERS_PATH=str(tmp_path / "cache"))
    assert find_chromium(given) == path


def test_where_there_is_none_one_sentence_says_how_to_get_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(finder, "find_chromium", lambda: find_chromium(environ(tmp_path)))
    assert finder.main() == 1
    assert capsys.readouterr().out == HOW_TO_GET_ONE + "\n"


def test_the_browser_tests_run_only_when_they_are_asked_for():
    """`make test` calls pytest without -m, `make browser` with `-m browser`."""
    pytest_options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (marks,) = (
        option.removeprefix("-m=")
        for option in pytest_options["tool"]["pytest"]["ini_options"]["addopts"]
        if option.startswith("-m")
    )
    assert "not browser" in marks.split(" and ")
    assert "pytest -q -m browser tests/browser" in (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in (ROOT / "tests" / "browser").glob("test_*.py"):
        assert "pytestmark = pytest.mark.browser" in path.read_text(encoding="utf-8"), path
