"""What the browser tests share: one browser, one JupyterLab, and the table that is printed last."""

from __future__ import annotations

import pytest
from find_chromium import find_chromium
from lab_page import ARGUMENTS, HEIGHT, WIDE
from lab_server import LabServer
from run_tests import notebooks_to_run

TABLE = pytest.StashKey[list]()  # rows: notebook, seconds, controls moved, slowest answer in ms
HEAD = ("notebook", "Run All, s", "controls moved", "slowest answer, ms")


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        pytest.fail("playwright is missing: run `make browser`, which installs it", pytrace=False)
    with sync_playwright() as playwright:
        path = str(find_chromium())
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def new_page(browser):
    """A function that opens an empty page."""
    return lambda: browser.new_page(viewport={"width": WIDE, "height": HEIGHT})


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab with a copy of every notebook."""
    with LabServer(tmp_path_factory.mktemp("lab") / "chapters", notebooks_to_run()) as server:
        yield server


@pytest.fixture(scope="session")
def table(pytestconfig):
    """The rows to be printed in the end."""
    return pytestconfig.stash.setdefault(TABLE, [])


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(TABLE, [])
    if rows:
        rows = [HEAD, *rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        terminalreporter.section("in the browser")
        for row in rows:
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            terminalreporter.write_line("  ".join([row[0].ljust(len(first)), *others]))
