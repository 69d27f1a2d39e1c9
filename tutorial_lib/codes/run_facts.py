"""What a run is, beside its weights: the data it saw. Stored with the weights, without torch.

A model knows its layers, but not the size of the images it was trained on nor the names of their
classes; convolutions take any size. Whoever draws from weights asks these facts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tutorial_lib.contracts import suggestions
from tutorial_lib.contracts.plain import (
    require_instance,
    require_int,
    require_sizes,
    require_text,
    store_plain,
)

AXES = {2: ("C", "T"), 3: ("C", "H", "W"), 4: ("C", "T", "H", "W")}


@dataclass(frozen=True)
class RunFacts:
    """dataset: its name. shape: of an example, (C, H, W), (C, T) or (C, T, H, W).

    n_levels: the levels as trained. class_names: empty for a data set without labels.
    """

    dataset: str
    shape: tuple[int, ...]
    n_levels: int
    class_names: tuple[str, ...] = ()

    def __post_init__(self):
        store_plain(self)
        require_text("dataset", self.dataset)
        n_axes = len(self.shape) if isinstance(self.shape, tuple) else 0
        require_sizes("shape", self.shape, AXES.get(n_axes, AXES[3]))
        require_int("n_levels", self.n_levels, at_least=2)
        names = self.class_names
        if not isinstance(names, tuple) or not all(isinstance(each, str) for each in names):
            raise TypeError(
                f"class_names must be a tuple of strings, got {names!r} ({type(names).__name__})"
            )

    @property
    def n_dims(self) -> int:
        """Axes of a signal: 1 for sounds, 2 for images, 3 for clips."""
        return len(self.shape) - 1

    def as_json(self) -> dict[str, Any]:
        """For the header of a file and for result.json."""
        told = {**asdict(self), "n_dims": self.n_dims}
        return {**told, "shape": list(self.shape), "class_names": list(self.class_names)}


def facts_from_json(told: object) -> RunFacts:
    """What `as_json` gave. TypeError or ValueError for anything else."""
    if not isinstance(told, dict):
        raise TypeError(f"told must be a dict of facts, got {told!r:.60} ({type(told).__name__})")
    wanted = {"dataset", "shape", "n_levels", "class_names"}
    if not wanted <= told.keys():
        raise ValueError(f"told must have {', '.join(sorted(wanted))}, got {', '.join(told)}")
    values = {name: told[name] for name in wanted}
    for name in ("shape", "class_names"):
        values[name] = tuple(require_instance(name, values[name], list))
    return RunFacts(**values)


def label_named(text: str, n_classes: int | None, class_names: tuple[str, ...]) -> int:
    """The label that a text means: its number, or the name of its class in any spelling of case.

    ValueError lists the classes, and the nearest of them.
    """
    require_text("text", text)
    if not n_classes:
        raise ValueError(f"label is {text!r}, but this model was trained without labels: leave it")
    names = class_names if len(class_names) == n_classes else ()
    plain = [each.lower() for each in names]
    if text.lower() in plain:
        return plain.index(text.lower())
    if text.isdecimal() and int(text) < n_classes:
        return int(text)
    known = ", ".join(f"{k} {each}" if each != str(k) else each for k, each in enumerate(names))
    near = suggestions.did_you_mean(text, names)
    raise ValueError(
        f"label must lie in 0 .. {n_classes - 1} or be a class, got {text!r}.{near}"
        + (f" The classes are {known}." if known else "")
    )
