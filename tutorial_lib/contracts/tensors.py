"""What a tensor may be: dtype, device, and a shape whose axes agree with those seen before."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tutorial_lib.contracts.kinds import quoted

DTYPES = {
    "Float": ("a floating-point tensor", lambda dtype: dtype.is_floating_point),
    "Inexact": ("a floating-point tensor", lambda dtype: dtype.is_floating_point),
    "Int": ("a torch.long tensor", lambda dtype: str(dtype) == "torch.int64"),
    "UInt8": ("a torch.uint8 tensor", lambda dtype: str(dtype) == "torch.uint8"),
    "Integer": (
        "a torch.uint8 or torch.long tensor",
        lambda dtype: str(dtype) in ("torch.uint8", "torch.int64"),
    ),
    "Bool": ("a torch.bool tensor", lambda dtype: str(dtype) == "torch.bool"),
}


class Tensors:
    """The tensors of one call: what was seen of the first ones holds for those after them."""

    def __init__(self, arguments: Mapping[str, Any]):
        self.arguments, self.sizes = arguments, {}
        self.device = self.dtype = None
        if "_parameters" in getattr(arguments.get("self"), "__dict__", ()):  # a model, once begun
            model = arguments["self"]
            for weight in itertools.chain(model.parameters(), model.buffers()):
                self.device, self.dtype = weight.device, weight.dtype
                break

    def check(self, name: str, value: Any, kind: type) -> Any:
        torch = sys.modules["torch"]
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {quoted(value)}")
        words, fits = DTYPES.get(kind.__name__.split("[")[0], ("", lambda dtype: True))
        if not fits(value.dtype):
            cure = f": use {name}.long()" if words == "a torch.long tensor" else ""
            raise TypeError(f"{name} must be {words}, got {value.dtype}{cure}")
        self.device = self.device or value.device
        if value.device != self.device:
            raise ValueError(
                f"{name} must be on the device {self.device}, where it is used, got "
                f"{value.device}: use {name}.to({str(self.device)!r})"
            )
        if value.is_floating_point() and kind.__name__.startswith("Float"):
            self.dtype = self.dtype or value.dtype
            if value.dtype != self.dtype and not torch.is_autocast_enabled(value.device.type):
                raise TypeError(f"{name} must be a {self.dtype} tensor, got {value.dtype}")
        self.check_shape(name, tuple(value.shape), kind.dim_str.split())
        return value.long() if words.startswith("a torch.uint8 or") else value

    def check_shape(self, name: str, shape: tuple[int, ...], axes: list[str]) -> None:
        """Bind the axes from the left, those behind a starred one from the right."""
        starred = [i for i, axis in enumerate(axes) if axis.startswith(("*", "..."))]
        first = starred[0] if starred else len(axes)
        n_last = len(axes) - first - 1 if starred else 0
        fits = len(shape) >= first + n_last if starred else len(shape) == len(axes)
        last = len(shape) - n_last
        sizes = [*shape[:first], *([shape[first:last]] if starred else ()), *shape[last:]]
        known = {axis: self._size_of(axis) for axis in axes}
        wanted = dict(known)
        for axis, size in zip(axes, sizes, strict=False):
            if axis not in ("_", "..."):
                fits &= wanted.setdefault(axis, size) in (None, size)
                wanted[axis] = size if wanted[axis] is None else wanted[axis]
        if not fits:
            told = [_words(axis, known[axis]) for axis in axes]
            hint = channels_last_hint(name, shape)
            raise ValueError(f"{name} must have shape ({', '.join(told)}), got {shape}{hint}")
        self.sizes |= {axis: size for axis, size in wanted.items() if axis not in ("_", "...")}

    def _size_of(self, axis: str) -> int | tuple[int, ...] | None:
        """How long an axis has to be, if that is known."""
        if axis.isdigit():
            return int(axis)
        if axis.startswith("{"):
            size = eval(axis[1:-1], {"len": len}, dict(self.arguments))
            return None if size is None else int(size)
        return self.sizes.get(axis)


def _words(axis: str, size: int | tuple[int, ...] | None) -> str:
    if isinstance(size, tuple):
        return ", ".join(map(str, size)) or "nothing more"
    return axis if size is None else str(size)


def channels_last_hint(name: str, shape: Sequence[int]) -> str:
    """A hint, if these look like examples with the colours at the end, (N, H, W, C); else nothing.

    At most 4 at the end, after sides of more than 4 each.
    """
    if len(shape) < 3 or not 1 <= shape[-1] <= 4 or min(shape[1:-1]) <= 4:
        return ""
    order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    return f": it looks like channels last, use {name}.permute{order}"


def where_it_draws(generator: Any) -> Any:
    """The device of a generator, CPU if it is None: noise is drawn there, and then moved."""
    return "cpu" if generator is None else generator.device
