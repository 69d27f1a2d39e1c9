"""Values as bytes and back, for results of code that nobody trusts.

Only plain data crosses: None, bool, int, float, str, tensors, and lists, tuples and dicts of these.
Anything else arrives as an `Unsent` that bears the name of its type and nothing of its behaviour.
So an object that claims to equal everything, or that runs code when it is unpickled, has no way in.

    4 bytes: length of the tree   |   the tree, as JSON   |   the numbers of all tensors, end to end
"""

from __future__ import annotations

import json
import math
import struct

import torch
from torch import Tensor

MAX_DEPTH = 20
LENGTH = struct.Struct(">I")
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
        *(torch.complex64, torch.complex128),
    )
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class WireError(ValueError):
    """These bytes are no value in the format above."""


class Unsent:
    """Stands for an object that does not cross."""


def encode(value: object) -> bytes:
    """The value as bytes; what is no plain data becomes the name of its type."""
    blobs: list[bytes] = []
    tree = json.dumps(_tree(value, blobs, 0)).encode("ascii")
    return b"".join([LENGTH.pack(len(tree)), tree, *blobs])


def decode(message: bytes) -> object:
    """The value of such bytes; WireError for any others."""
    try:
        (n,) = LENGTH.unpack_from(message)
        tree = json.loads(message[LENGTH.size : LENGTH.size + n].decode("ascii"))
        reader = _Numbers(memoryview(message)[LENGTH.size + n :])
        value = _value(tree, reader, 0)
    except (struct.error, ValueError, TypeError, KeyError, RecursionError, RuntimeError) as error:
        raise WireError(f"not a value: {type(error).__name__}: {error}") from None
    if reader.left:
        raise WireError(f"not a value: {reader.left} bytes too many")
    return value


def _tree(value: object, blobs: list[bytes], depth: int) -> list:
    """[tag, ...] for JSON; the numbers of tensors are appended to `blobs`."""
    if depth > MAX_DEPTH:
        return ["unsent", "something nested too deeply"]
    if value is None:
        return ["none"]
    if isinstance(value, bool):
        return ["bool", bool(value)]
    if isinstance(value, int):
        return ["int", hex(value)]
    if isinstance(value, float):
        return ["float", float(value).hex()]
    if isinstance(value, str):
        return ["str", str(value)]
    if isinstance(value, Tensor):
        return _tensor_tree(value, blobs)
    if isinstance(value, (list, tuple)):
        tag = "tuple" if isinstance(value, tuple) else "list"
        return [tag, [_tree(each, blobs, depth + 1) for each in value]]
    if isinstance(value, dict):
        pairs = [[_tree(x, blobs, depth + 1) for x in pair] for pair in value.items()]
        return ["dict", pairs]
    return ["unsent", type(value).__name__]


def _tensor_tree(tensor: Tensor, blobs: list[bytes]) -> list:
    strided = tensor.layout == torch.strided and not tensor.is_nested and not tensor.is_quantized
    if not strided or tensor.dtype not in NAMES or tensor.is_meta:
        return ["unsent", f"{tensor.layout} tensor of {tensor.dtype}".replace("torch.", "")]
    plain = tensor.detach().as_subclass(Tensor)
    packed = torch.empty(plain.numel(), dtype=plain.dtype).copy_(plain.reshape(-1))
    blobs.append(packed.view(torch.uint8).numpy().tobytes())
    return ["tensor", NAMES[plain.dtype], list(plain.shape)]


def _value(tree: list, numbers: _Numbers, depth: int) -> object:
    if depth > MAX_DEPTH or not isinstance(tree, list) or not tree:
        raise ValueError("not a tree, or one nested too deeply")
    tag, *rest = tree
    if tag == "none" and not rest:
        return None
    if tag == "tensor":
        return numbers.take(*rest)
    (content,) = rest
    if tag in ("list", "tuple"):
        parts = [_value(each, numbers, depth + 1) for each in content]
        return parts if tag == "list" else tuple(parts)
    if tag == "dict":
        pairs = [[_value(each, numbers, depth + 1) for each in pair] for pair in content]
        return {key: value for key, value in pairs}
    return _leaf(tag, content)


def _leaf(tag: str, content: object) -> object:
    if tag == "bool" and isinstance(content, bool):
        return content
    if not isinstance(content, str):
        raise ValueError(f"{tag!r} of {type(content).__name__}")
    if tag == "int":
        return int(content, 16)
    if tag == "float":
        return float.fromhex(content)
    if tag == "str":
        return content
    if tag == "unsent":
        name = "".join(c if c.isidentifier() or c.isdigit() else "_" for c in content)[:60]
        return type(name or "unsent", (Unsent,), {})()
    raise ValueError(f"unknown tag {tag!r}")


class _Numbers:
    """Takes tensor after tensor from the bytes behind the tree."""

    def __init__(self, data: memoryview):
        self.data, self.place = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.place

    def take(self, dtype_name: str, shape: list) -> Tensor:
        dtype = DTYPES[dtype_name]
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"no shape: {shape!r}")
        n_bytes = math.prod(shape) * dtype.itemsize
        if n_bytes > self.left:
            raise ValueError("numbers are missing")
        if n_bytes == 0:
            return torch.empty(shape, dtype=dtype)
        part = bytearray(self.data[self.place : self.place + n_bytes])
        self.place += n_bytes
        if dtype == torch.bool:  # a byte other than 0 and 1 would be neither true nor false
            return (torch.frombuffer(part, dtype=torch.uint8) != 0).reshape(shape)
        return torch.frombuffer(part, dtype=dtype).reshape(shape)
