"""What the browser tests share: a browser, a JupyterLab, the live pages, a table printed last."""

from __future__ import annotations

import pytest
from find_chromium import find_chromium
from lab_page import ARGUMENTS, HEIGHT, WIDE
from lab_server import LabServer
from live_server import LivePages
from run_tests import notebooks_to_run

TABLE = pytest.StashKey[list]()  # rows: notebook, seconds, controls moved, slowest answer in ms
PATIENCE = 60_000  # ms that a live page may take for something: the machine may be busy
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
def live(tmp_path_factory):
    """The live pages on the loopback address, with their models, and all in one file."""
    with LivePages(tmp_path_factory.mktemp("live")) as pages:
        yield pages


@pytest.fixture
def look(browser, live):
    """Opens a page; in the end it has complained of nothing and asked nobody else."""
    contexts, complaints, asked = [], [], []

    def look_at(name, width=1180, height=900, **options):
        viewport = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, device_scale_factor=1, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else 0)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(name if ":" in name else live.url(name))
        return page

    yield look_at
    for context in contexts:
        context.close()
    assert complaints == []
    own = (live.address, "data:", live.offline.as_uri(), "about:srcdoc")
    assert [url for url in asked if not url.startswith(own)] == []


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
