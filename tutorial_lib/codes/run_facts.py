"""What a run is, beside its weights: the data it saw. Stored with the weights, without torch.

A model knows its layers, but not the size of the images it was trained on nor the names of their
classes; convolutions take any size. Whoever draws from weights asks these facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from tutorial_lib.contracts import Count, Several, check_fields, checked, did_you_mean, that

Shape = Annotated[
    tuple[Count, ...],
    that(lambda shape: 2 <= len(shape) <= 4, "be (C, H, W), (C, T) or (C, T, H, W)"),
]


@dataclass(frozen=True)
class RunFacts:
    """dataset: its name. shape: of an example, (C, H, W), (C, T) or (C, T, H, W).

    n_levels: the levels as trained. class_names: empty for a data set without labels.
    """

    dataset: str
    shape: Shape
    n_levels: Several
    class_names: tuple[str, ...] = ()

    __post_init__ = check_fields

    @property
    def n_dims(self) -> int:
        """Axes of a signal: 1 for sounds, 2 for images, 3 for clips."""
        return len(self.shape) - 1

    def as_json(self) -> dict[str, Any]:
        """For the header of a file and for result.json."""
        told = {**asdict(self), "n_dims": self.n_dims}
        return {**told, "shape": list(self.shape), "class_names": list(self.class_names)}


@checked
def facts_from_json(told: dict) -> RunFacts:
    """What `as_json` gave. TypeError or ValueError for anything else."""
    wanted = ("dataset", "shape", "n_levels", "class_names")
    if not told.keys() >= set(wanted):
        raise ValueError(f"told must have {', '.join(sorted(wanted))}, got {', '.join(told)}")
    values = (told[name] for name in wanted)
    return RunFacts(*(tuple(each) if isinstance(each, list) else each for each in values))


@checked
def label_named(text: str, n_classes: int | None, class_names: Sequence[str]) -> int:
    """The label that a text means: its number, or the name of its class in any spelling of case.

    ValueError lists the classes, and the nearest of them.
    """
    if not n_classes:
        raise ValueError(f"label is {text!r}, but this model was trained without labels: leave it")
    names = class_names if len(class_names) == n_classes else ()
    plain = [each.lower() for each in names]
    if text.lower() in plain:
        return plain.index(text.lower())
    if text.isdecimal() and int(text) < n_classes:
        return int(text)
    known = ", ".join(f"{k} {each}" if each != str(k) else each for k, each in enumerate(names))
    near = did_you_mean(text, names)
    raise ValueError(
        f"label must lie in 0 .. {n_classes - 1} or be a class, got {text!r}.{near}"
        + (f" The classes are {known}." if known else "")
    )
