"""The library's docstrings, which are plain text, as the markup that Sphinx reads.

A paragraph of prose stays one, with its `code` between double backticks. What is set by hand (a
drawing of a mask, a table of arguments, an example with `>>>`) becomes a block that keeps its
spaces.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator

CODE = re.compile(r"`+([^`]+)`+")
SET_BY_HAND = re.compile(r"^\s|\S {2,}\S|^>>> ", re.MULTILINE)
EMPHASIS = re.compile(r"(?<![\w*])(\*\w(?:[^*]*\w)?\*)(?![\w*])")
MARKUP = re.compile(r"[\\*|]|_(?=\W|$)")


def as_rst(lines: Iterable[str]) -> list[str]:
    """The docstring's lines as reStructuredText."""
    out: list[str] = []
    for is_prose, block in _blocks("\n".join(lines).expandtabs().strip("\n")):
        if is_prose:
            out += [*map(_escaped, block.splitlines()), ""]
        else:
            language = "python" if block.lstrip().startswith(">>>") else "text"
            out += [f".. code-block:: {language}", ""]
            out += [f"   {line}".rstrip() for line in block.splitlines()] + [""]
    return out


def _blocks(text: str) -> Iterator[tuple[bool, str]]:
    """Paragraphs of prose, and neighbouring paragraphs that are set by hand as one."""
    by_hand: list[str] = []
    for paragraph in filter(None, re.split(r"\n\s*\n", text)):
        if SET_BY_HAND.search(paragraph):
            by_hand.append(paragraph)
            continue
        if by_hand:
            yield False, "\n\n".join(by_hand)
            by_hand = []
        yield True, paragraph
    if by_hand:
        yield False, "\n\n".join(by_hand)


def _escaped(line: str) -> str:
    parts = CODE.split(line)  # prose and code in turns
    parts[::2] = map(_prose, parts[::2])
    parts[1::2] = [f"``{code}``" for code in parts[1::2]]
    return "".join(parts)


def _prose(text: str) -> str:
    parts = EMPHASIS.split(text)  # plain and emphasised in turns
    parts[::2] = [MARKUP.sub(r"\\\g<0>", plain) for plain in parts[::2]]
    return "".join(parts)


def signature_as_written(thing: object) -> tuple[str, str | None]:
    """(arguments, what is returned), with the annotations as they stand in the code.

    What Python makes of them says less: `Count` is an `Annotated[int, <function ...>]` by then.
    """
    from sphinx.util.inspect import stringify_signature

    signature, written = inspect.signature(thing), annotations_in_code(thing)
    parameters = [
        each.replace(annotation=written.get(each.name, each.annotation))
        for each in signature.parameters.values()
    ]
    plain = signature.replace(parameters=parameters, return_annotation=signature.empty)
    return stringify_signature(plain), written.get("return")


def annotations_in_code(thing: object) -> dict[str, str]:
    """Name of an argument, or "return" -> its annotation as it is written."""
    if inspect.isclass(thing):
        found: dict[str, str] = {}
        for base in reversed(thing.__mro__):  # the fields of a dataclass are its arguments
            fields = [each for each in _body(base) if isinstance(each, ast.AnnAssign)]
            found |= {ast.unparse(each.target): ast.unparse(each.annotation) for each in fields}
        return found | annotations_in_code(thing.__init__)
    (function,) = _definition(inspect.unwrap(thing)) or (None,)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return {}
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += filter(None, (arguments.vararg, arguments.kwarg))
    found = {each.arg: ast.unparse(each.annotation) for each in named if each.annotation}
    return found | ({"return": ast.unparse(function.returns)} if function.returns else {})


def _body(thing: type) -> list[ast.stmt]:
    return [part for each in _definition(thing) for part in getattr(each, "body", ())]


def _definition(thing: object) -> list[ast.stmt]:
    """The statement that defines a thing of the library; none for what others made."""
    if not str(getattr(thing, "__module__", "")).startswith(("tutorial_lib", "test_")):
        return []
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    except (OSError, TypeError, SyntaxError):
        return []
