"""Options that may be left out, told by one word in the help and in one line if they are wrong.

tyro would call an `int | None` "{None}|INT", and answer `abc` with the complaints of both types.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

WORDS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH"}


def maybe(kind: Any, *, text: str | None = None, default: str = "") -> Any:
    """The annotation of an option of this type or Literal; None if it is not given.

    text      its help; None: that of the docstring
    default   what happens then, for the help
    """
    choices = tuple(get_args(kind)) if get_origin(kind) is Literal else None

    def read(words: list[str]) -> Any:
        try:
            return words[0] if choices else kind(words[0])
        except ValueError:
            raise ValueError(f"expected {WORDS[kind]}, got {words[0]!r}") from None

    spec = PrimitiveConstructorSpec(
        nargs=1,
        metavar="{" + ",".join(choices) + "}" if choices else WORDS[kind],
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
        choices=choices,
    )
    hint = f"(default: {default})" if default else "(optional)"
    return Annotated[kind | None, spec, arg(help=text, help_behavior_hint=hint)]


MaybePath = maybe(Path)
MaybeStr = maybe(str)
MaybeInt = maybe(int)
MaybeFloat = maybe(float)
