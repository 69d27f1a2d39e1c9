"""The stub of a variant: its exercise's own, with the twist, and with some parts said anew.

The docstring of a stub has these parts: what is asked, a row for each argument and for what is
returned, notes in some, and an example that is worked by hand.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

MARKS, WIDTH, INDENT, BY_HAND = '"""', 100, " " * 4, "    By hand: "
NAMES = r"    [\w.,()]+(?: [\w.,()]+)*  +(?=\S)"  # of arguments, before what is said of them


class Part(NamedTuple):
    """lead: line breaks before it; label: what its first line begins with."""

    lead: str
    label: str
    text: str


def parts_of(stub: str) -> dict[str, Part]:
    """The docstring's parts by name: asked, arguments, returns, notes, by_hand."""
    explained, by_hand = stub.split(MARKS)[1].split("\n" + BY_HAND)
    before, rows = re.split(rf"\n\n(?={NAMES})", explained, maxsplit=1)
    parts, name, lead = {"asked": Part("", "", before)}, "asked", "\n\n"
    for line in rows.rstrip().split("\n"):
        row = re.match(NAMES, line)
        if row:
            name = re.match(r"[\w.]+", row[0].strip())[0]
            parts[name] = Part(lead, row[0], line[row.end() :])
        elif line[:5].strip() and name != "notes":
            name = "notes"
            parts[name] = Part(lead, INDENT, line.strip())
        elif line.strip():
            parts[name] = parts[name]._replace(text=f"{parts[name].text}{lead}{line}")
        lead = "\n" if line.strip() else "\n\n"
    parts["by_hand"] = Part("\n\n", BY_HAND, by_hand.rstrip())
    return parts


def varied_stub(stub: str, says: str, words: Mapping[str, object]) -> str:
    """The stub with `says` above the arguments. A word that is named as a part stands in its place;
    the others fill blanks; `explained` stands below the twist."""
    signature, _, end = stub.split(MARKS)
    if "explained" in words:
        says += "\n" + str(words["explained"]).format_map(words)
    doc = ""
    for name, (lead, label, text) in parts_of(stub).items():
        if name in words:
            text = _wrapped(str(words[name]).format_map(words), label)
        doc += lead + label + text
        if name == "asked":
            doc += f"\n\n{INDENT}{_wrapped(says, INDENT)}"
    return f"{signature}{MARKS}{doc}\n{INDENT}{MARKS}{end}"


def _wrapped(text: str, label: str) -> str:
    """Lines that fit behind the label and, from the second on, below its end."""
    first, later = len(label) or len(INDENT + MARKS), " " * (len(label) or len(INDENT))
    wrap = textwrap.TextWrapper(WIDTH - first, break_on_hyphens=False).wrap
    lines = [line for whole in text.split("\n") for line in wrap(whole) or [""]]
    return "\n".join(later + line if line and i else line for i, line in enumerate(lines))
