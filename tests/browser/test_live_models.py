"""The live pages that run shipped weights: driven like a reader would, and held against torch."""

from __future__ import annotations

import io
import re

import pytest
import torch
from PIL import Image

from tutorial_lib import data
from tutorial_lib.recipes.pretrained import load_pretrained, save_weights
from tutorial_lib.sampling import sample

pytestmark = pytest.mark.browser
DIGITS, GARMENTS = "gated-binarized-mnist", "two-stage-fashion-mnist-16"

# A canvas as one number for each cell of a grid: the colour in the middle of it.
CELLS = """(canvas, side) => {
    const pen = canvas.getContext("2d"), cell = canvas.width / side;
    return Array.from({ length: side * side }, (_, p) => {
        const at = [(p % side + 0.5) * cell, (Math.floor(p / side) + 0.5) * cell].map(Math.floor);
        const [r, g, b] = pen.getImageData(...at, 1, 1).data;
        return (r << 16) + (g << 8) + b;
    });
}"""

DRAW_DIGITS = """async ({ weights, uniforms, known }) => {
    const { load } = await import("./js/safetensors.js");
    const { GatedPixelCNN } = await import("./js/gated_model.js");
    const { GatedCache, fill } = await import("./js/gated.js");
    const { tensors, header } = await load(weights);
    const model = new GatedPixelCNN(tensors, header.model.config), levels = [], times = [];
    for (const [n, noise] of uniforms.entries()) {
        const cache = new GatedCache(model, 28, 28), begun = performance.now();
        for (const _ of fill(cache, { uniforms: noise, known: Int16Array.from(known[n]) }));
        times.push(performance.now() - begun);
        levels.push([...cache.levels]);
    }
    return { levels, ms: Math.min(...times) };
}"""

WRITE_CODES = """async ({ weights, uniforms, images }) => {
    const { load } = await import("./js/safetensors.js");
    const { GatedPixelCNN } = await import("./js/gated_model.js");
    const { Drawing } = await import("./js/drawing.js");
    const { Decoder } = await import("./js/decoder.js");
    const { Encoder } = await import("./js/encoder.js");
    const { tensors, header: { model: { parts } } } = await load(weights);
    const prior = new GatedPixelCNN(tensors, parts.prior.config, "prior.");
    const decoder = new Decoder(tensors, parts.vqvae.config, "vqvae.");
    const encoder = new Encoder(tensors, parts.vqvae.config, "vqvae.");
    const codes = [], pictures = [], times = [];
    for (const [label, noise] of uniforms.entries()) {
        const begun = performance.now();
        const field = new Drawing(prior, { height: 7, width: 7, label, uniforms: noise }).finish();
        pictures.push([...decoder.picture(field.levels, 7, 7)]);
        times.push(performance.now() - begun);
        codes.push([...field.levels]);
    }
    const encoded = images.map((levels) => [...encoder.codes(levels, 28, 28)]);
    return { codes, pictures, encoded, ms: Math.min(...times) };
}"""


@pytest.fixture(scope="module")
def exact(live):
    """The library's own files, in 32 bits, beside the pages: {name: address}."""
    for name in (DIGITS, GARMENTS):
        save_weights(live.folder / f"{name}.safetensors", load_pretrained(name))
    return {name: f"{name}.safetensors" for name in (DIGITS, GARMENTS)}


@pytest.fixture
def digit_page(look):
    """The page of the digits, at full speed, with its first six drawings finished."""
    page = look("complete")
    slide(page, "#speed", 5)
    finished(page, "Six others")
    return page


@pytest.fixture
def code_page(look):
    """The page of the codes, all of them written."""
    page = look("codes")
    finished(page, "Another one")
    return page


def finished(page, label):
    page.wait_for_function(f"document.getElementById('go').textContent === '{label}'")


def status(page):
    return page.locator("#status").inner_text()


def number(page, selector):
    return float(re.search(r"[\d.]+", page.locator(selector).inner_text())[0])


def cells(page, selector, side=28, n=0):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    return page.locator(selector).nth(n).evaluate(CELLS, side)


def slide(page, selector, value):
    page.locator(selector).evaluate(
        "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", value
    )


def at(page, selector, row, column, side=28):
    """The middle of a cell of a canvas, for mouse and taps."""
    box = page.locator(selector).bounding_box()
    x, y = (column + 0.5) * box["width"] / side, (row + 0.5) * box["height"] / side
    return {"x": x, "y": y}


def raster(levels):
    return levels.flatten(1).tolist()


@torch.no_grad()
def test_chromium_draws_the_very_digits_of_torch(look, exact):
    model, generator = load_pretrained(DIGITS), torch.Generator().manual_seed(5)
    noise = torch.rand(16, 1, 28, 28, dtype=torch.float64, generator=generator)
    free = sample(model, (8, 1, 28, 28), uniforms=noise[:8])
    known = torch.full((16, 1, 28, 28), -1)
    known[8:, :, :14] = free[:, :, :14]
    right = sample(model, (16, 1, 28, 28), uniforms=noise, known=known)
    asked = {"uniforms": raster(noise), "known": raster(known)}
    asked["weights"] = exact[DIGITS]
    found = look("mask").evaluate(DRAW_DIGITS, asked)
    assert found["levels"] == raster(right)
    print(f"\na digit in Chromium: {found['ms']:.0f} ms")


@torch.no_grad()
def test_chromium_writes_decodes_and_encodes_as_torch_does(look, exact):
    model, generator = load_pretrained(GARMENTS), torch.Generator().manual_seed(6)
    noise = torch.rand(10, 1, 7, 7, dtype=torch.float64, generator=generator)
    codes = sample(model.prior, noise.shape, uniforms=noise, label=torch.arange(10))[:, 0]
    pictures = model.vqvae.picture(model.vqvae.decode_indices(codes)).flatten(1)
    images = data.load("fashion-mnist-sample").test.levels[:10].long() // 16
    asked = {"uniforms": raster(noise), "images": raster(images)}
    asked["weights"] = exact[GARMENTS]
    found = look("mask").evaluate(WRITE_CODES, asked)
    assert found["codes"] == raster(codes)
    assert (torch.tensor(found["pictures"]) - pictures).abs().max() < 1e-4
    assert found["encoded"] == raster(model.vqvae.encode_indices(images))
    print(f"\na field of codes and its picture in Chromium: {found['ms']:.0f} ms")


def test_six_drawings_share_the_painted_half_and_differ_below_it(digit_page):
    page = digit_page
    page.locator("#clear").click()
    page.mouse.move(0, 0)
    box = page.locator("#paper").bounding_box()
    across = [box["x"] + share * box["width"] for share in (0.35, 0.65)]
    page.mouse.move(across[0], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(across[1], box["y"] + 0.3 * box["height"], steps=5)
    page.mouse.up()
    page.locator("#go").click()
    finished(page, "Six others")
    six = [cells(page, "#drawings canvas", n=n) for n in range(6)]
    assert all(each[: 14 * 28] == six[0][: 14 * 28] for each in six)
    assert len({tuple(each) for each in six}) > 1
    assert len(set(six[0][: 14 * 28])) == 2  # ink and paper
    assert re.search(r"2352 pixels in [\d.]+ s of computing: \d+ ms a digit", status(page))


def test_drawing_pauses_goes_on_and_can_be_taken_a_pixel_at_a_time(digit_page):
    page = digit_page
    page.locator("#clear").click()
    slide(page, "#speed", 0)
    page.locator("#go").click()
    page.wait_for_timeout(800)
    page.locator("#go").click()
    assert page.locator("#go").inner_text() == "Go on"
    before = cells(page, "#drawings canvas")
    page.wait_for_timeout(600)
    assert cells(page, "#drawings canvas") == before
    page.locator("#step").click()
    first = int(re.search(r"Pixel (\d+) of 784", status(page))[1])
    page.locator("#step").click()
    assert int(re.search(r"Pixel (\d+) of 784", status(page))[1]) == first + 1
    slide(page, "#speed", 5)
    page.locator("#go").click()
    finished(page, "Six others")
    assert page.locator("#step").is_disabled()


def test_after_a_pixel_is_overwritten_only_what_comes_after_it_is_drawn_anew(digit_page):
    page = digit_page
    before = [cells(page, "#drawings canvas", n=n) for n in range(6)]
    row, column = 18, 7
    page.locator("#paper").click(position=at(page, "#paper", row, column))
    place = row * 28 + column
    if before[0][place] != before[0][0]:  # there was ink already: set paper
        page.locator("[name=pen][value='0']").check()
        page.locator("#paper").click(position=at(page, "#paper", row, column))
    assert "You set the pixel at row 19, column 8" in status(page)
    assert page.locator("#go").inner_text() == "Go on"
    page.locator("#go").click()
    finished(page, "Six others")
    after = [cells(page, "#drawings canvas", n=n) for n in range(6)]
    assert after[0][:place] == before[0][:place]
    assert after[0] != before[0]
    assert after[1:] == before[1:]  # the other five are as they were
    assert page.locator("#changed").is_visible()


def test_a_pixel_that_is_pointed_at_tells_its_distribution_its_bits_and_its_past(digit_page):
    page = digit_page
    page.locator("#paper").hover(position=at(page, "#paper", 16, 17))
    shares = [float(n) for n in re.findall(r"([\d.]+) %", page.locator("#bars").inner_text())]
    assert sum(shares) == pytest.approx(100, abs=0.11)
    level = "ink" in page.locator("#which").inner_text()
    bits = number(page, "#pixel-bits")
    assert shares[level] / 100 == pytest.approx(2**-bits, abs=0.005)
    read, past = re.findall(r"\d+", page.locator("#past").inner_text())
    assert (int(past), 0 < int(read) < int(past)) == (16 * 28 + 17, True)


def test_the_keyboard_alone_paints_and_lets_the_model_finish(digit_page):
    page = digit_page
    page.locator("#clear").click()
    page.locator("#paper").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    small = cells(page, "#drawings canvas")[: 14 * 28]
    assert sum(cell != small[0] for cell in small) == 1
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    finished(page, "Six others")


def test_a_finger_paints_on_a_phone(look):
    page = look("complete", width=390, has_touch=True, is_mobile=True)
    slide(page, "#speed", 5)
    finished(page, "Six others")
    page.locator("#clear").click()
    spot = at(page, "#paper", 8, 12)
    page.locator("#paper").tap(position=spot)
    assert page.locator("#go").inner_text() == "Finish it"
    small = cells(page, "#drawings canvas")
    assert small[8 * 28 + 12] != small[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_class_is_written_a_code_at_a_time_and_each_is_drawn(look):
    page = look("codes")
    page.locator("#classes button", has_text="Sneaker").click()
    page.wait_for_timeout(700)
    page.locator("#go").click()  # pause
    assert page.locator("#go").inner_text() == "Go on"
    page.locator("#step").click()
    place = int(re.search(r"Code (\d+) of 49: \d+, for [\d.]+ bits", status(page))[1])
    assert 0 < place < 49
    page.locator("#go").click()
    finished(page, "Another one")
    assert f"{49 - place} codes and their pictures" in status(page)
    assert 30 < number(page, "#all-bits") < 343
    assert len(set(cells(page, "#picture"))) > 10


def test_a_changed_code_changes_the_picture_around_it_and_can_be_put_back(code_page):
    page = code_page
    page.mouse.move(0, 0)
    before = cells(page, "#picture")
    page.locator("#codes").click(position=at(page, "#codes", 3, 3, side=7))
    assert "at row 4, column 4" in page.locator("#which").inner_text()
    assert page.locator("#likely canvas").count() == 8
    slide(page, "#rank", 127)
    assert "all 49 codes together now cost" in status(page)
    assert page.locator("#beside").is_visible()
    page.locator("#back").click()
    page.mouse.move(0, 0)
    assert page.locator("#beside").is_hidden()
    after = cells(page, "#picture")
    framed = {r * 28 + c for r in range(12, 16) for c in range(12, 16)}
    assert all(
        a == b for p, (a, b) in enumerate(zip(before, after, strict=True)) if p not in framed
    )


def test_the_prior_goes_on_after_a_changed_code_and_keeps_what_came_before(code_page):
    page = code_page
    page.mouse.move(0, 0)
    before = cells(page, "#codes", side=7)
    page.locator("#codes").click(position=at(page, "#codes", 3, 3, side=7))
    slide(page, "#rank", 100)
    page.locator("#anew").click()
    finished(page, "Another one")
    page.mouse.move(0, 0)
    after = cells(page, "#codes", side=7)
    assert after[:24] == before[:24]
    assert after[24] != before[24]
    assert "24 codes and their pictures" in status(page)


def test_a_picture_that_is_chosen_or_pasted_is_encoded_and_named(code_page):
    page = code_page
    garments = data.load("fashion-mnist-sample").test
    n = int((garments.labels == 1).nonzero()[2])  # trousers
    file = io.BytesIO()
    grey = Image.fromarray(255 - garments.levels[n, 0].numpy().astype("uint8"))  # dark on light
    grey.resize((280, 280), Image.Resampling.NEAREST).save(file, "png")
    page.locator("#file").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    page.wait_for_function("document.getElementById('status').textContent.includes('takes it')")
    assert "turned to light on dark" in status(page)
    assert "takes it for: Trouser (" in status(page)
    assert page.locator("#beside").is_visible()
    chosen = cells(page, "#other")
    page.locator("#classes button", has_text="Bag").click()
    finished(page, "Another one")
    paste = """(bytes) => {
        const given = new DataTransfer(), type = "image/png";
        given.items.add(new File([new Uint8Array(bytes)], "a.png", { type }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given }));
    }"""
    page.evaluate(paste, list(file.getvalue()))
    page.wait_for_function("document.getElementById('status').textContent.includes('takes it')")
    assert cells(page, "#other") == chosen


def test_the_same_page_speaks_of_emoji_in_colour(code_page):
    page = code_page
    page.locator("label:has([value=emoji])").click()
    page.locator("#classes select").wait_for()
    finished(page, "Another one")
    assert "64 codes are an emoji" in page.locator("#claim").inner_text()
    assert "64 codes and their pictures" in status(page)
    red_green_blue = {(c >> 16, c >> 8 & 255, c & 255) for c in cells(page, "#picture", side=32)}
    assert any(max(each) - min(each) > 30 for each in red_green_blue)
    page.locator("#examples button").nth(4).click()
    page.wait_for_function("document.getElementById('status').textContent.includes('takes it')")
    assert "Animals & Nature" in status(page)  # a clover
    page.locator("[value=garments]").check()
    page.locator("#classes button", has_text="Coat").wait_for()
    finished(page, "Another one")
    assert "49 codes are a garment" in page.locator("#claim").inner_text()


def test_a_file_that_is_no_picture_is_told(code_page):
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": b"no picture"}
    code_page.locator("#file").set_input_files(file)
    code_page.wait_for_function("document.getElementById('status').textContent.includes('no pict')")
    assert code_page.locator("#picture").is_visible()  # what was drawn before stays


@pytest.mark.parametrize("name", ["complete", "codes"])
def test_where_a_model_does_not_come_the_still_stands_and_the_page_says_why(browser, live, name):
    page = browser.new_page()
    page.route("**/*.safetensors", lambda route: route.fulfill(status=404))
    page.goto(live.url(name))
    page.wait_for_function("document.getElementById('status').textContent.includes('404')")
    assert page.locator(".still").is_visible()
    assert page.locator(".still").evaluate("(image) => image.naturalWidth") > 0
    assert page.locator("#go").is_disabled()
    page.close()


COUNT_PAINTS = """() => {
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  window.paints = 0;
  document.getElementById("status").textContent = "";
  CanvasRenderingContext2D.prototype.clearRect = function (...sides) {
    window.paints++;
    return clear.apply(this, sides);
  };
}"""


def paints_of_a_drawing(page, ready, done):
    """How often the page's canvases are painted from the press of the button to the end."""
    finished(page, ready)
    page.evaluate(COUNT_PAINTS)
    page.locator("#go").click()
    page.wait_for_function("document.getElementById('status').textContent.includes('computing')")
    finished(page, done)
    return page.evaluate("window.paints")


@pytest.mark.parametrize(("name", "done"), [("complete", "Six others"), ("codes", "Another one")])
def test_a_reader_who_wants_less_motion_sees_the_end_and_not_the_way(look, name, done):
    at_first = "Finish it" if name == "complete" else done
    calm = paints_of_a_drawing(look(name, reduced_motion="reduce"), at_first, done)
    moving = paints_of_a_drawing(look(name), done, done)
    assert 0 < calm < moving / 3
