"""The built site, as a reader's browser shows it: run `make site` first."""

from __future__ import annotations

import functools
import threading
from http.server import ThreadingHTTPServer

import pytest
from conftest import PATIENCE
from live_server import Quiet
from notebook_pairs import ROOT

pytestmark = pytest.mark.browser
HTML = ROOT / "site" / "_build" / "html"
CHAPTER = "notebooks/02_masked_convolutions.html"
PAGES = ("index.html", CHAPTER, "equations.html", "docs/teaching.html", "reference/pixels.html")
FIRST_VIEW_BYTES = 1_500_000


@pytest.fixture(scope="module")
def address():
    if not (HTML / "index.html").is_file():
        pytest.skip("the site is not built: run `make site`")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser, address):
    """Opens a page of the site; in the end it has complained of nothing and asked nobody else."""
    contexts, complaints, asked = [], [], []

    def visit_page(name, width=1280, **options):
        viewport = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.fetched = []
        page.on("requestfinished", lambda each: page.fetched.append(each.sizes()))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else 0)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + name, wait_until="networkidle")
        return page

    yield visit_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def test_the_first_view_is_light(visit):
    page = visit("index.html")
    n_bytes = sum(each["responseBodySize"] for each in page.fetched)
    assert 300_000 < n_bytes < FIRST_VIEW_BYTES


def test_the_front_page_says_what_it_is_and_opens_three_doors(visit, address):
    page = visit("index.html")
    assert page.locator(".hero .sentence").inner_text().startswith("A free course in Jupyter")
    doors = page.locator(".doors .door")
    assert [each.split("\n")[0] for each in doors.all_inner_texts()] == ["Learn", "Teach", "Use"]
    bottom = max(doors.nth(n).bounding_box()["y"] for n in range(3))
    assert bottom < 900 and page.locator("#live .picture").bounding_box()["y"] < 400


def test_the_front_pages_picture_draws_on_request(visit):
    page = visit("index.html")
    assert page.locator("#live img").count() == 1
    for _ in range(2):  # the second time another half
        page.locator("#watch").click()
        page.locator("#watch[aria-disabled]").wait_for(state="detached")
        assert page.locator("#watch").inner_text() == "Draw six others"
        inked = """() => { const c = document.querySelector("#live canvas");
            const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
            return data.filter((value, n) => n % 4 === 3 && value).length; }"""
        assert page.evaluate(inked) > 6 * 40


def test_search_finds_a_chapter_and_a_function(visit):
    page = visit("search.html?q=blind+spot")
    page.locator("#search-results li").first.wait_for()
    page.wait_for_function("document.querySelectorAll('#search-results li').length > 3")
    found = " ".join(page.locator("#search-results li a").all_inner_texts())
    assert "02 · Masked convolutions" in found and "influence.blind_spot" in found


def test_a_chapter_shows_its_mathematics_cards_and_folds(visit):
    page = visit(CHAPTER)
    page.locator("mjx-container").first.wait_for()
    assert page.locator(".tag_exercise-card > .cell_output").count() == 5
    fold = page.locator(".tag_setup details").first
    assert fold.locator("pre").is_hidden()
    fold.locator("summary").click()
    assert fold.locator("pre").is_visible()
    assert page.locator("a[href*='colab.research.google.com']").count() >= 2
    assert page.locator("a[href*='mybinder.org']").count() == 1
    assert page.locator(".prev-next-area a").count() == 2


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_a_phone(visit, name):
    page = visit(name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_is_dark(visit):
    background = "getComputedStyle(document.body).backgroundColor"
    shades = {visit(CHAPTER, color_scheme=each).evaluate(background) for each in ("dark", "light")}
    assert len(shades) == 2
