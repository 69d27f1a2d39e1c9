"""A picture that is drawn anew whenever one of its controls moves.

`plt.show()` draws a figure three times in a notebook: to lay it out, to find its edges, and for the
file. A slider under a finger has no time for that. Here the places of the axes are given, and the
figure is drawn once.

A callback that raises would be silent in a notebook, so its traceback is shown below the picture.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import ipywidgets
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PIXELS_PER_INCH = 100
WIDE = {"description_width": "initial"}  # the style of a slider whose description is long
MARGIN = 2  # pixels that every widget keeps around itself


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that no notebook shows on its own account."""
    figure = Figure(figsize=(width, height), dpi=PIXELS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Figure) -> bytes:
    """The figure as the content of a PNG file, drawn once."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=PIXELS_PER_INCH)
    return file.getvalue()


def image_of(figure: Figure) -> ipywidgets.Image:
    """A widget with the figure in its own size, smaller where the page is narrow."""
    width = f"{PIXELS_PER_INCH * figure.get_figwidth():.0f}px"
    layout = ipywidgets.Layout(width=width, max_width=f"calc(100% - {2 * MARGIN}px)")
    return ipywidgets.Image(value=as_png(figure), format="png", layout=layout)


@contextmanager
def one_thread() -> Iterator[None]:
    """Small models draw sooner on one thread: two wait for each other while a browser is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def errors_shown_in(place: ipywidgets.Output) -> Iterator[None]:
    """Show the traceback of what is done here in `place`, which is emptied first."""
    place.outputs = ()
    try:
        yield
    except Exception:
        with place:  # shows what is raised in it, and ends it there
            raise


def live_picture(
    draw: Callable[..., Figure], controls: Mapping[str, ipywidgets.Widget]
) -> ipywidgets.VBox:
    """The figure `draw(**values)` of the controls' values, and a place for errors below it."""

    def figure() -> Figure:
        with one_thread():
            return draw(**{name: control.value for name, control in controls.items()})

    image, errors = image_of(figure()), ipywidgets.Output()

    def redraw(_: object) -> None:
        with errors_shown_in(errors):
            image.value = as_png(figure())

    for control in controls.values():
        control.observe(redraw, names="value")
    return ipywidgets.VBox([image, errors])


def explorer(
    draw: Callable[..., object],
    controls: Mapping[str, ipywidgets.Widget],
    *,
    size: tuple[float, float],
    places: Sequence[tuple[float, float, float, float]],
) -> ipywidgets.VBox:
    """The controls, and below them what `draw(*axes, **values)` draws into axes at these places."""

    def figure(**values: object) -> Figure:
        figure = new_figure(*size)
        draw(*(figure.add_axes(place) for place in places), **values)
        return figure

    return ipywidgets.VBox([*controls.values(), live_picture(figure, controls)])
