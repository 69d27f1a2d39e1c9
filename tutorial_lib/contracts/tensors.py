"""What a tensor may be: dtype, device, and a shape whose axes agree with those seen before."""

import functools
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
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
        words, fits, one_dtype, axes, star = _demands(kind)
        dtype, device = value.dtype, value.device
        if not fits(dtype):
            cure = f": use {name}.long()" if words == "a torch.long tensor" else ""
            raise TypeError(f"{name} must be {words}, got {dtype}{cure}")
        self.device = self.device or device
        if device != self.device:
            raise ValueError(
                f"{name} must be on the device {self.device}, where it is used, got "
                f"{device}: use {name}.to({str(self.device)!r})"
            )
        if one_dtype and dtype.is_floating_point:
            self.dtype = self.dtype or dtype
            if dtype != self.dtype and not torch.is_autocast_enabled(device.type):
                raise TypeError(f"{name} must be a {self.dtype} tensor, got {dtype}")
        self.check_shape(name, tuple(value.shape), axes, star)
        return value.long() if words.startswith("a torch.uint8 or") else value

    def check_shape(self, name: str, shape: tuple[int, ...], axes: list[str], star: int) -> None:
        """Bind the axes from the left, those behind the starred one from the right."""
        sizes, fits = shape, len(shape) == len(axes)
        if star >= 0:
            last = len(shape) - (len(axes) - star - 1)
            sizes, fits = (*shape[:star], shape[star:last], *shape[last:]), last >= star
        seen = dict(self.sizes)
        for axis, size in zip(axes, sizes, strict=False):
            if axis not in ("_", "..."):
                fixed = axis[0] in "{0123456789"
                wanted = self._size_of(axis) if fixed else seen.setdefault(axis, size)
                fits = fits and wanted in (None, size)
        if not fits:
            told = [_words(axis, self._size_of(axis)) for axis in axes]
            hint = channels_last_hint(name, shape)
            raise ValueError(f"{name} must have shape ({', '.join(told)}), got {shape}{hint}")
        self.sizes = seen

    def _size_of(self, axis: str) -> int | tuple[int, ...] | None:
        """How long an axis has to be, if that is known."""
        if axis.isdigit():
            return int(axis)
        if axis.startswith("{"):
            size = eval(_code(axis), {"len": len}, dict(self.arguments))
            return None if size is None else int(size)
        return self.sizes.get(axis)


@functools.cache
def _demands(kind: type) -> tuple[str, Callable, bool, list[str], int]:
    """What an annotation asks for: dtype in words, its test, is it that of the others, axes, star.

    star   which of the axes stands for any number of them; -1 if none does
    """
    words, fits = DTYPES.get(kind.__name__.split("[")[0], ("", lambda dtype: True))
    axes = kind.dim_str.split()
    starred = [i for i, axis in enumerate(axes) if axis.startswith(("*", "..."))]
    one_dtype = kind.__name__.startswith("Float")
    return words, functools.cache(fits), one_dtype, axes, starred[0] if starred else -1


@functools.cache
def _code(axis: str) -> CodeType:
    return compile(axis[1:-1], axis, "eval")


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
