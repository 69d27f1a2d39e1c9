"""The street of rooms: each imports only from those above it, and shows what is in it on a page."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tutorial_lib
from tutorial_lib.notebook import moved

LIBRARY = Path(tutorial_lib.__file__).parent
STREET = (
    "pixels",
    "sampling",
    "codes",
    "training",
    "data",
    "recipes",
    "notebook",
    "exercises",
    "classroom",
)
LISTED = ("pixels", "sampling", "codes", "training", "data", "recipes", "notebook")
ABOVE_ALL = ("cli", "__main__", "__init__")  # the command line calls every room


def imports_of(path: Path) -> set[str]:
    """The modules of tutorial_lib that a file imports, anywhere in it: "pixels.masks", ..."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tutorial_lib"):
            inner = node.module.removeprefix("tutorial_lib").strip(".")
            found |= {f"{inner}.{each.name}".strip(".") for each in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                each.name.removeprefix("tutorial_lib.")
                for each in node.names
                if each.name.startswith("tutorial_lib.")
            }
    return found


def room_of(dotted: str) -> str:
    first = dotted.split(".")[0]
    return first if first in STREET else "ground floor"


def wrong_ways() -> list[str]:
    """Imports that lead down the street, or from the ground floor into it."""
    wrong = []
    for path in sorted(LIBRARY.rglob("*.py")):
        here = ".".join(path.relative_to(LIBRARY).with_suffix("").parts)
        if here.split(".")[0] in ABOVE_ALL:
            continue
        for there in sorted(imports_of(path)):
            a, b = room_of(here), room_of(there)
            if b == "ground floor" or a == b:
                continue
            if a == "ground floor" or STREET.index(b) > STREET.index(a):
                wrong.append(f"{here} imports {there}")
            elif b == "exercises" and a != "classroom":
                wrong.append(f"{here} imports {there}")
    return wrong


def test_a_room_imports_only_from_rooms_above_it():
    assert wrong_ways() == []


def test_an_import_down_the_street_is_seen(tmp_path):
    file = tmp_path / "masks.py"
    file.write_text("def f():\n    from tutorial_lib.codes import VQVAE\n")
    (seen,) = imports_of(file)
    assert STREET.index(room_of(seen)) > STREET.index("pixels")


def test_nothing_stands_in_the_street_but_rooms_and_the_ground_floor():
    entries = {p.name for p in LIBRARY.iterdir() if not p.name.startswith("__")}
    assert len(entries) <= 14, entries
    assert set(STREET) <= entries


@pytest.mark.parametrize("room", LISTED)
def test_the_page_of_a_room_has_a_line_for_each_module_and_hands_on_its_names(room):
    package = importlib.import_module(f"tutorial_lib.{room}")
    modules = {p.stem for p in (LIBRARY / room).glob("*.py")} - {"__init__"}
    listed = re.findall(r"^ *(\w+)  +\S", package.__doc__, re.M)
    assert set(listed) - {"module"} == modules
    for name in package.__all__:
        assert not inspect.ismodule(getattr(package, name)), name


@pytest.mark.parametrize("room", LISTED)
def test_a_room_can_be_entered_without_torch(room):
    code = f"import sys, tutorial_lib.{room}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_old_address_is_answered_by_the_new_one():
    with pytest.raises(
        ImportError, match=r"tutorial_lib\.masks stands in tutorial_lib\.pixels\.masks"
    ):
        importlib.import_module("tutorial_lib.masks")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("tutorial_lib.no_such_module")


@pytest.mark.parametrize("new", sorted(set(moved.MOVED.values())))
def test_new_addresses_exist(new):
    assert importlib.import_module(f"tutorial_lib.{new}").__name__ == f"tutorial_lib.{new}"
