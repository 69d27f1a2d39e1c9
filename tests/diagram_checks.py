"""What an eye would find wrong in a drawing: texts that collide, or leave the card."""

from __future__ import annotations

from itertools import combinations

MARGIN = 10  # dots between a text and the edge of the card
OVERLAP = -3  # dots by which boxes around texts may touch, since letters do not fill them


def problems(card) -> list[str]:
    """Texts that overlap, texts off the card, arrows that run through texts."""
    renderer = card.canvas.get_renderer()
    width, height = card.canvas.get_width_height()
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in card.texts]
    found = [
        f"off the card: {text}"
        for text, box in boxes
        if min(box.x0, box.y0) < MARGIN or box.x1 > width - MARGIN or box.y1 > height - MARGIN
    ]
    boxes = [(text, box.padded(OVERLAP)) for text, box in boxes]
    for (text, box), (other, beside) in combinations(boxes, 2):
        if box.overlaps(beside):
            found.append(f"collide: {text} / {other}")
    for stroke in card.strokes:
        path = stroke.get_transform().transform_path(stroke.get_path())
        found += [
            f"an arrow through: {text}"
            for text, box in boxes
            if path.intersects_bbox(box, filled=False)
        ]
    return found
