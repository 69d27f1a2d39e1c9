"""The live pages of the mask, the quantizer and the bound, driven like a reader would."""

from __future__ import annotations

import math
import re

import pytest

pytestmark = pytest.mark.browser
PAGES = ("index", "complete", "codes", "mask", "quantizer", "bound")
NAMELESS = """() => [...document.querySelectorAll("button, input, select, canvas, a[href]")]
    .filter((e) => e.getClientRects().length && !e.parentElement.closest("button, .still"))
    .filter((e) => !(e.ariaLabel || e.innerText?.trim() || e.labels?.[0]?.innerText.trim()))
    .map((e) => e.outerHTML)"""


def number(page, selector):
    """The first number in an element."""
    return float(re.search(r"[-\d.]+", page.locator(selector).inner_text().replace("−", "-"))[0])


def slide(page, selector, value):
    page.locator(selector).evaluate(
        "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", value
    )


def drag(page, canvas, start, end):
    """From one place of a canvas to another, both as shares of its width and height."""
    box = page.locator(canvas).bounding_box()
    (x, y), (to_x, to_y) = [
        (box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"])
        for share in (start, end)
    ]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to_x) / 2, (y + to_y) / 2)
    page.mouse.move(to_x, to_y)
    page.mouse.up()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_a_desk_and_every_control_has_a_name(look, name):
    for width in (390, 1180):
        page = look(name, width=width)
        page.wait_for_timeout(300)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        assert page.evaluate(NAMELESS) == []
        assert page.locator("html[lang=en] main h1").count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_dark_for_those_who_want_it_and_the_attribute_has_the_last_word(look, name):
    background = "getComputedStyle(document.body).backgroundColor"
    dark, light = look(name, color_scheme="dark"), look(name, color_scheme="light")
    assert dark.evaluate(background) != light.evaluate(background)
    light.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark.evaluate("document.documentElement.dataset.theme = 'light'")
    assert dark.evaluate(background) != light.evaluate(background)


def place(row, column, side):
    return {"row": row, "column": column, "at": ((column + 0.5) / side, (row + 0.5) / side)}


def test_a_click_and_the_keyboard_choose_the_pixel_whose_reading_is_counted(look):
    page = look("mask")
    slide(page, "#side", 9)
    slide(page, "#depth", 4)
    box = page.locator("#map").bounding_box()
    across, down = place(6, 4, 9)["at"]
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
    assert "24 of 58" in page.locator("#of").inner_text()  # as chapter 02 measures
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    assert "no way" in page.locator("#way").inner_text()
    page.keyboard.press("Enter")
    assert "of 44 pixels" in page.locator("#of").inner_text()  # row 4, column 8: 44 come earlier
    page.get_by_text("two stacks", exact=True).click()
    slide(page, "#depth", 12)
    assert number(page, "#blind") == 0 and number(page, "#all") == 0
    page.get_by_text("B, with centre").click()
    page.keyboard.press("Tab")
    assert (
        "copy" in page.locator("#way").inner_text() or "sees" in page.locator("#way").inner_text()
    )


def test_a_tap_chooses_a_pixel(look):
    page = look("mask", width=390, height=844, has_touch=True, is_mobile=True)
    box = page.locator("#map").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.96, box["y"] + box["height"] * 0.05)
    assert "of 10 pixels" in page.locator("#of").inner_text()  # the last of the first row of 11


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_layers_are_added_one_by_one_or_at_once_step_by_step(look, motion):
    page = look("mask", reduced_motion=motion)
    page.click("#grow")
    depth = page.locator("#depth").evaluate("(e) => Number(e.value)")
    assert depth == (1 if motion == "no-preference" else 9)
    if motion == "no-preference":
        page.wait_for_function("document.querySelector('#depth').value === '8'", timeout=15000)


def test_a_codebook_trains_dies_and_restarts_while_one_watches(look):
    page = look("quantizer")
    page.click("#train")
    page.wait_for_function(
        "/Step (3\\d|[4-9]\\d)/.test(document.querySelector('#words').innerText)"
    )
    page.click("#train")
    dead = number(page, "#perplexity")
    assert "codes dead" in page.locator("#words").inner_text()
    page.check("#restart")
    for _ in range(40):
        page.click("#step")
    assert "no code is dead" in page.locator("#words").inner_text()
    assert number(page, "#perplexity") > dead + 1
    stopped = page.locator("#words").inner_text()
    page.wait_for_timeout(400)
    assert page.locator("#words").inner_text() == stopped


def test_z_e_and_codes_are_dragged_by_mouse_and_moved_by_keys(look):
    page = look("quantizer")
    handle = page.get_by_role("button", name=re.compile("^z e"))
    at = ((-3.3 + 4) / 8, (3 - 0.3) / 6)
    drag(page, "#plane", at, (0.75, 0.5))
    assert "2.0 right, 0.0 up" in handle.get_attribute("aria-label")
    handle.press("ArrowLeft")
    assert "1.9 right, 0.0 up" in handle.get_attribute("aria-label")
    code = page.get_by_role("button", name=re.compile("^Code 3"))
    before = code.get_attribute("aria-label")
    code.press("Shift+ArrowRight")
    assert code.get_attribute("aria-label") != before


def test_a_finger_drags_z_e_and_scrolls_elsewhere(look):
    page = look("quantizer", width=390, height=844, has_touch=True, is_mobile=True)
    box = page.locator("#plane").bounding_box()
    handle = page.get_by_role("button", name=re.compile("^z e"))
    session = page.context.new_cdp_session(page)

    def swipe(start, end):
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            for x, y in (start, end)
        ]
        send = "Input.dispatchTouchEvent"
        session.send(send, {"type": "touchStart", "touchPoints": places[:1]})
        session.send(send, {"type": "touchMove", "touchPoints": places[1:]})
        session.send(send, {"type": "touchEnd", "touchPoints": []})

    swipe(((-3.3 + 4) / 8, (3 - 0.3) / 6), (0.5, 0.25))
    assert "0.0 right, 1.5 up" in handle.get_attribute("aria-label")
    assert page.evaluate("scrollY") == 0


def test_q_is_dragged_the_cost_of_the_picture_stays_and_the_gap_changes(look):
    page = look("bound")
    evidence, gap = number(page, "#evidence"), number(page, "#gap")
    assert evidence == pytest.approx(4.24)
    mean = page.get_by_role("button", name=re.compile("^The mean of q"))
    style = mean.evaluate("(e) => [parseFloat(e.style.left), parseFloat(e.style.top)]")
    box = page.locator("#curves").bounding_box()
    at = (style[0] / box["width"], style[1] / box["height"])
    drag(page, "#curves", at, ((0.5 + 4) / 8, at[1]))
    assert number(page, "#evidence") == evidence and number(page, "#gap") < gap - 1
    mean.press("ArrowRight")
    assert "Mean 0.60" in mean.get_attribute("aria-label")
    page.click("#best")
    page.wait_for_timeout(1200)
    assert number(page, "#gap") == pytest.approx(0.042, abs=1e-3)
    total = number(page, "#reconstruction") + number(page, "#kl")
    assert total == pytest.approx(4.242 + 0.0415, abs=2e-3)


def test_a_one_hot_q_costs_log_k_whichever_code_it_is(look):
    page = look("bound")
    page.get_by_text("code (VQ-VAE)").click()
    handle = page.get_by_role("button", name=re.compile("^q"))
    for _ in range(3):
        assert number(page, "#kl") == pytest.approx(math.log(8), abs=1e-3)
        handle.press("ArrowRight")
    assert "code 5" in handle.get_attribute("aria-label")
    pixel, evidence = page.get_by_role("button", name="Pixel 0", exact=True), "#evidence"
    before = number(page, evidence)
    pixel.click()
    assert pixel.get_attribute("aria-pressed") == "true" and number(page, evidence) > before


def test_all_five_pages_work_in_one_file_from_a_disk(look, live):
    page = look(live.offline.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(".cards li").first.wait_for()
    assert frame.locator(".cards li").count() == 5
    for name in ("complete", "codes", "mask", "quantizer", "bound"):
        frame.locator(f'.top a[href="{name}.html"]').click()
        frame.locator(f'.top a[href="{name}.html"][aria-current]').wait_for()
        assert "needs JavaScript" not in frame.locator("main").inner_text()
        chapter = frame.locator(".more a").first
        assert "/blob/main/notebooks/" in chapter.get_attribute("href")
    assert page.url.endswith("#bound")
    page.go_back()
    frame.get_by_role("heading", name="The quantizer").wait_for()
