"""The test files of what was changed since `main`, for `make check`.

A test file is one of a module if it imports it (also through the page of its room), or a helper in
tests/ that does. A change of what all tests share asks for `make test`.
"""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

from notebook_pairs import ROOT


def git(*arguments: str) -> list[str]:
    """The lines that git answers; none if it can't (no repository, no branch of that name)."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def changed_files() -> set[Path]:
    """What differs from where this branch left `main`; on `main` itself, from its last commit."""
    start = git("merge-base", "HEAD", "main") or ["HEAD"]
    names = git("diff", "--name-only", *start) + git("ls-files", "--others", "--exclude-standard")
    return {ROOT / name for name in names}


@cache
def handed_on(room: Path) -> dict[str, str]:
    """name -> the module of a room that holds it, as the room's page says."""
    for node in ast.walk(ast.parse(room.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "submod_attrs":
            table = ast.literal_eval(node.value)
            return {name: module for module, names in table.items() for name in names}
    return {}


@cache
def found(dotted: str, name: str, root: Path) -> list[Path]:
    """The file, if any, from which `from dotted import name` takes the name."""
    place = root.joinpath(*dotted.split("."))
    page = place / "__init__.py"
    inner = handed_on(page).get(name, name) if page.is_file() else name
    for file in (place / f"{inner}.py", place / inner / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return [file]
    return [page] if page.is_file() else []


@cache
def imported(path: Path, root: Path) -> set[Path]:
    """The files of the project that a file imports, wherever it does."""
    files: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [(node.module, each.name) for each in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(f".{each.name}".rpartition(".")[::2]) for each in node.names]
        else:
            continue
        for dotted, name in names:
            dotted = dotted.strip(".")
            for place in (root, root / "tests", root / "tools"):
                files.update(found(dotted, name, place) if dotted else found(name, name, place))
    return files


def files_to_test(changed: set[Path], root: Path = ROOT) -> list[Path]:
    """The test files to run: those that were changed, and those that import what was."""
    tests = sorted((root / "tests").glob("test_*.py"))
    helpers = set((root / "tests").rglob("*.py")) - set(tests)
    reached = changed | {exercise for path in changed for exercise in discovery(path, root)}
    while more := {each for each in helpers - reached if imported(each, root) & reached}:
        reached |= more
    chosen = [each for each in tests if each in reached or imported(each, root) & reached]
    names = {f"test_{path.stem}" for path in changed}  # what is named after a module comes first
    return sorted(chosen, key=lambda each: each not in changed and each.stem not in names)


def discovery(path: Path, root: Path) -> list[Path]:
    """An exercise is imported by its chapter and found by the discovery of all exercises."""
    exercises = root / "tutorial_lib" / "exercises"
    if exercises not in path.parents or path.parent == exercises:
        return []
    return [path.parent / "__init__.py", exercises / "discovery.py"]
