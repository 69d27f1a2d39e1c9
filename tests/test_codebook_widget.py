"""Codes in the plane: the drawing and the explorer say what `nearest_code` says."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch

from tutorial_lib.codes.quantizer import nearest_code
from tutorial_lib.notebook.widgets import codebook as widget

matplotlib.use("Agg")

CODES = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [2.5, 2.5], [-1.0, 1.0]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


class Explorer:
    """The page of `codebook_html`, its parts found by class."""

    def __init__(self, codebook, z_e):
        self.text = widget.codebook_html(codebook, z_e)
        html = re.sub("(<img [^>]*)>", r"\1/>", self.text.split("<script>")[0])
        self.root = ElementTree.fromstring(html + "</div>")
        self.data = json.loads(self.root.get("data-plane"))

    def part(self, name):
        return next(e for e in self.root.iter() if e.get("class") == name)

    def point(self, x, y):
        """A place of the SVG back in the plane."""
        scale = self.data["scale"]
        return self.data["left"] + float(x) / scale, self.data["top"] - float(y) / scale


# ------------------------------------------------------------------------------- the drawing


def test_a_single_vector_is_named_its_nearest_code_and_the_distance():
    title = widget.draw_codebook(CODES, torch.tensor([[2.0, 0.5]])).get_title()
    assert title == "nearest code 1, distance 0.5"


def test_without_vectors_it_shows_the_codes_and_with_many_how_many_codes_are_used():
    assert widget.draw_codebook(CODES).get_title() == "5 codes and their cells"
    many = torch.tensor([[0.0, 0.1], [0.1, 0.0], [2.2, 0.0]])
    assert widget.draw_codebook(CODES, many).get_title() == "3 vectors, 2 of 5 codes used"


def test_every_vector_is_tied_to_its_nearest_code():
    z_e = torch.randn(30, 2)
    lines = widget.draw_codebook(CODES, z_e).lines
    drawn = torch.stack([torch.tensor(line.get_xydata()) for line in lines]).float()
    torch.testing.assert_close(drawn[:, 0], z_e)
    torch.testing.assert_close(drawn[:, 1], CODES[nearest_code(z_e, CODES)])


def test_codes_are_numbered_where_they_lie():
    numbers = {text.get_text(): text.get_position() for text in widget.draw_codebook(CODES).texts}
    assert numbers == {str(i): tuple(code) for i, code in enumerate(CODES.tolist())}


def test_it_draws_into_the_axes_it_is_given_and_fits_a_page():
    ax = plt.subplots()[1]
    assert widget.draw_codebook(CODES, ax=ax) is ax
    assert widget.draw_codebook(CODES).figure.get_figwidth() <= 7


# --------------------------------------------------------------------------------- the cells


def test_the_colour_at_a_place_is_that_of_its_nearest_code():
    """Looked up in the picture as it is shown, through the limits of its axes."""
    ax = widget.draw_codebook(CODES)
    picture = torch.tensor(ax.images[0].get_array().data)
    left, right, bottom, top = ax.images[0].get_extent()
    palette = [matplotlib.colors.to_rgb(color) for color in widget.PALE]
    rows, columns = picture.shape[:2]
    seen = set()
    for _ in range(300):
        u, v = torch.rand(2).tolist()
        color = picture[int(v * rows), int(u * columns)]
        if (color == 1).all():
            continue  # a border
        z_e = torch.tensor([[left + u * (right - left), top - v * (top - bottom)]])
        index = nearest_code(z_e, CODES).item()
        assert color.tolist() == pytest.approx(palette[index], abs=1e-6)
        seen.add(index)
    assert seen == set(range(5))


def test_cells_of_one_colour_are_told_apart_by_a_border():
    codes = torch.tensor([[0.0, 0.0], *[[50.0, 50.0]] * (len(widget.PALE) - 1), [1.0, 0.0]])
    plane = widget.plane_around(codes[[0, -1]])
    colors = widget.cell_colors(codes, plane)
    row = colors[len(colors) // 2]
    assert torch.equal(row[300], row[-300])
    assert (row == 1).all(dim=1).sum() == 2


@pytest.mark.parametrize("points", [[[3.0, 4.0]], [[3.0, 4.0]] * 2, [[0.0, 0.0], [0.0, 1e-3]]])
def test_all_points_are_inside_the_window_however_close(points):
    left, right, bottom, top = widget.plane_around(torch.tensor(points)).extent
    for x, y in points:
        assert left < x < right and bottom < y < top
    assert (right - left) / (top - bottom) == pytest.approx(4 / 3)


# ------------------------------------------------------------------------------ the explorer


@pytest.mark.parametrize("seed", range(20))
def test_the_explorer_as_it_stands_agrees_with_nearest_code(seed):
    """Before any script has run, and so also where none ever does."""
    noise = torch.Generator().manual_seed(seed)
    codes, z_e = torch.randn(9, 2, generator=noise), torch.randn(2, generator=noise)
    explorer = Explorer(codes, z_e)
    index = nearest_code(z_e[None], codes).item()
    line = explorer.part("line")
    tolerance = {"abs": 0.01 / explorer.data["scale"]}
    assert explorer.point(line.get("x1"), line.get("y1")) == pytest.approx(
        z_e.tolist(), **tolerance
    )
    end = explorer.point(line.get("x2"), line.get("y2"))
    assert end == pytest.approx(codes[index].tolist(), **tolerance)
    chosen = explorer.part("chosen")
    assert (chosen.get("cx"), chosen.get("cy")) == (line.get("x2"), line.get("y2"))
    place = f"translate({line.get('x1')} {line.get('y1')})"
    assert explorer.part("handle").get("transform") == place
    assert f"nearest code {index}, distance " in explorer.part("words").text


def test_the_words_by_hand():
    """(1, 1) is 1 from (1, 0) and sqrt(2) from (0, 0); of the two codes at (1, 0), the lower."""
    codes = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    words = Explorer(codes, torch.tensor([1.0, 1.0])).part("words").text
    assert words == "z_e = (1.00, 1.00): nearest code 1, distance 1.00, z_q = (1.00, 0.00)"


def test_the_script_gets_the_codes_to_the_last_bit():
    codes = torch.randn(7, 2)
    data = Explorer(codes, torch.zeros(2)).data
    assert torch.equal(torch.tensor(data["codes"]), codes) and data["z_e"] == [0, 0]


@pytest.mark.parametrize(("size", "decimals"), [(0.01, 4), (1.0, 2), (10.0, 1), (1e5, 0)])
def test_numbers_are_as_long_as_the_picture_can_tell(size, decimals):
    assert Explorer(size * CODES, torch.zeros(2)).data["decimals"] == decimals


def test_the_cells_of_the_explorer_are_those_of_the_drawing():
    explorer = Explorer(CODES, torch.tensor([1.0, 1.0]))
    address = next(e for e in explorer.root.iter() if e.tag == "image").get("href")
    image = plt.imread(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,"))))
    expected = widget.draw_codebook(CODES).images[0].get_array().data
    torch.testing.assert_close(
        torch.tensor(image)[..., :3], torch.tensor(expected), atol=1 / 255, rtol=0
    )


def test_ids_are_unique_even_for_the_same_codes_twice():
    pages = [widget.codebook_html(CODES, torch.zeros(2)) for _ in range(2)]
    ids = [re.findall(r' id="([^"]+)"', page) for page in pages]
    assert all(ids) and not set(ids[0]) & set(ids[1])
    assert all(len(set(names)) == len(names) for names in ids)


def test_styles_stay_inside_their_explorer():
    explorer = Explorer(CODES, torch.zeros(2))
    (style,) = [e.text for e in explorer.root.iter() if e.tag == "style"]
    assert all(rule.startswith(f"#{explorer.root.get('id')} ") for rule in style.splitlines())


def test_keys_and_screen_readers_reach_the_handle():
    explorer = Explorer(CODES, torch.zeros(2))
    handle, words = explorer.part("handle"), explorer.part("words")
    assert handle.get("tabindex") == "0" and "arrow keys" in handle.get("aria-label")
    assert handle.get("role") and handle.get("aria-describedby") == words.get("id")
    assert words.get("aria-live") == "polite"


KEPT_WHEN_UNTRUSTED = {"div", "p", "img"}  # by JupyterLab; of other elements their words alone


def seen_untrusted(explorer):
    """The words that are left, and the pictures."""
    words = [e.text for e in explorer.root.iter() if e.text and e.tag not in ("style", "script")]
    return words, [e for e in explorer.root.iter() if e.tag in KEPT_WHEN_UNTRUSTED and e.get("src")]


def test_a_notebook_that_is_not_trusted_shows_a_still_and_a_sentence_and_no_row_of_digits():
    explorer = Explorer(CODES, torch.tensor([1.5, 0.5]))
    (sentence,), (still,) = seen_untrusted(explorer)
    assert sentence == still.get("alt") == explorer.part("words").text
    png = base64.b64decode(still.get("src").removeprefix("data:image/png;base64,"))
    assert plt.imread(io.BytesIO(png)).shape[:2] == (widget.DRAWN_HEIGHT, widget.DRAWN_WIDTH)


def test_the_still_is_out_of_sight_where_the_explorer_is_shown():
    explorer = Explorer(CODES, torch.zeros(2))
    (style,) = [e for e in explorer.root.iter() if e.tag == "style"]
    assert style in list(next(e for e in explorer.root.iter() if e.tag == "svg"))
    assert f"#{explorer.root.get('id')} .still {{ display: none }}" in style.text


def test_the_probe_of_untrusted_notebooks_sees_digits_inside_an_svg():
    explorer = Explorer(CODES, torch.zeros(2))
    ElementTree.SubElement(explorer.part("handle"), "text").text = "012345"
    assert "012345" in seen_untrusted(explorer)[0]


def test_codes_are_numbered_in_the_explorer_where_they_lie():
    explorer = Explorer(torch.randn(12, 2), torch.zeros(2))
    numbers = [e for e in explorer.root.iter() if e.get("class") == "number"]
    circles = [e for e in explorer.root.iter() if e.get("class") == "code"]
    places = [f"translate({e.get('cx')} {e.get('cy')})" for e in circles]
    assert [e.get("transform") for e in numbers] == places
    assert len({e.get("d") for e in numbers}) == 12
    points = [[float(v) for v in re.findall(r"-?\d+\.\d+", e.get("d"))] for e in numbers]
    assert all(min(each) > -9 and max(each) < 9 for each in points)  # inside its dot


def test_the_page_needs_nothing_from_elsewhere():
    page = widget.codebook_html(CODES, torch.zeros(2))
    assert "http" not in page and "import" not in page
    assert re.findall(r' (?:src|href)="(.{15})', page) == ["data:image/png;"] * 2
    assert page.count("<script>") == page.count("</script>") == 1


def test_the_explorer_is_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(widget, "display", shown.append)
    widget.codebook_explorer(CODES, torch.zeros(2))
    assert "codebook-explorer" in shown[0].data and "arrow keys" in shown[0].data


def test_a_codebook_that_is_being_trained_can_be_shown():
    codes, z_e = torch.nn.Parameter(CODES.clone()), torch.zeros(1, 2, requires_grad=True)
    drawn, still = widget.draw_codebook(codes, z_e), widget.draw_codebook(CODES, torch.zeros(1, 2))
    assert drawn.get_title() == still.get_title() != ""
    assert "codebook-explorer" in widget.codebook_html(codes, z_e[0])


def test_it_is_drawn_within_200_ms():
    widget.codebook_html(CODES, torch.zeros(2))
    seconds = []
    for _ in range(3):
        began = time.process_time()  # of this process: others may be at work, too
        widget.codebook_html(CODES, torch.zeros(2))
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.2


# -------------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("codebook", "z_e", "error", "message"),
    [
        (
            torch.zeros(3, 4),
            torch.zeros(2),
            ValueError,
            r"codebook must have shape \(K, 2\), got",
        ),
        (torch.zeros(0, 2), torch.zeros(2), ValueError, "codebook must not be empty"),
        (torch.full((1, 2), torch.nan), torch.zeros(2), ValueError, "finite numbers, got nan"),
        (torch.zeros(3, 2).long(), torch.zeros(2), TypeError, "codebook must be a floating-point"),
        (CODES, torch.zeros(1, 2), ValueError, r"z_e must have shape \(2\), got \(1, 2\)"),
        (CODES, torch.tensor([torch.inf, 0]), ValueError, "z_e must hold finite numbers"),
        (CODES, [0.0, 0.0], TypeError, "z_e must be a torch.Tensor, got "),
    ],
)
def test_what_is_no_plane_is_refused(own_messages, codebook, z_e, error, message):
    with pytest.raises(error, match=message):
        widget.codebook_explorer(codebook, z_e)


def test_vectors_of_another_size_are_not_drawn(own_messages):
    with pytest.raises(ValueError, match=r"z_e must have shape \(N, 2\), got \(2,\)"):
        widget.draw_codebook(CODES, torch.zeros(2))
