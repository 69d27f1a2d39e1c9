"""The learner's own copy of the notebooks: handed out once, and never written over.

    FOLDER/notebooks/NN_....ipynb    what is opened and answered; trusted, paired with nothing
    FOLDER/results/, benchmarks/     what chapters look up beside them
    FOLDER/.handed-out.json          what each file was when it was handed out

`hand_out` brings the copy up to date. A file that is as it was handed out is replaced by its new
version. A chapter with other cells (its outputs don't count) is the learner's: it stays, and the
new version is put beside it, once. So does a chapter whose cells in the project's own folder are
not those of its text: somebody wrote into it there. Git sees nothing of the copy.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import itertools
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import reads
from nbformat.sign import NotebookNotary

FOLDER = "my-copy"  # inside the project; git ignores it
MANIFEST = ".handed-out.json"
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class CopyError(Exception):
    """The copy cannot be made there; the message says why, and what to do."""


class Copied(NamedTuple):
    """What a learner has to be told: the names of the files, by what became of them."""

    new: list[str]
    replaced: list[str]
    beside: list[str]
    own: list[str]  # new ones that hold changes which were made in the project's own notebooks
    damaged: list[str]  # files of the project that cannot be read, and are not handed out


def sources(root: Path) -> list[Path]:
    """What is handed out, relative to the project's folder."""
    found = [*root.glob("notebooks/*.ipynb"), *root.glob("results/*.json*")]
    found += root.glob("benchmarks/results/*.json")
    return sorted(path.relative_to(root) for path in found)


def fingerprint(path: Path) -> str:
    """Of a notebook its cells' sources; of any other file, and of a damaged one, its content."""
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        with contextlib.suppress(*UNREADABLE):
            content = json.dumps(cells_of(content)).encode()
    return hashlib.sha256(content).hexdigest()


def cells_of(content: bytes) -> list[tuple[str, str]]:
    """Kind and source of each cell that is not empty. One of UNREADABLE if it is no notebook."""
    cells = [(cell["cell_type"], source_of(cell)) for cell in json.loads(content)["cells"]]
    return [cell for cell in cells if cell[1]]


def is_whole(path: Path) -> bool:
    """Whether a file of the project can be read: a merge that met a conflict damages them."""
    try:
        content = path.read_bytes()
        if path.suffix == ".ipynb":
            return bool(cells_of(content))
        lines = content.splitlines() if path.suffix == ".jsonl" else [content]
        return bool([json.loads(line) for line in lines])
    except UNREADABLE:
        return False


def is_edited(chapter: Path) -> bool:
    """Whether a notebook of the project holds a cell that its text has not, or has no text."""
    text = chapter.parent / "text" / f"{chapter.stem}.py"
    if not text.exists():
        return True
    lines = [line.rstrip() for line in text.read_text(encoding="utf-8").splitlines()]
    words = [line.removeprefix("#").removeprefix(" ") for line in lines]
    known = ("\n".join(lines), "\n".join(words))
    cells = cells_of(chapter.read_bytes())
    return any(source not in known[kind == "markdown"] for kind, source in cells)


def source_of(cell: dict) -> str:
    lines = "".join(cell["source"]).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def hand_out(root: Path, folder: Path, today: datetime.date | None = None) -> Copied:
    """Make the copy, or bring it up to date. CopyError if it cannot be there."""
    root, folder = root.resolve(), folder.resolve()
    refuse_if_unfit(root, folder)
    try:
        return _hand_out(root, folder, (today or datetime.date.today()).isoformat())
    except OSError as error:
        raise CopyError(
            f"Your copy of the notebooks cannot be written ({error}). "
            "Name another folder: make lab COPY=FOLDER"
        ) from None


def refuse_if_unfit(root: Path, folder: Path) -> None:
    """A copy inside the project is a new folder at its top: nothing of the project is touched."""
    if folder.exists() and not folder.is_dir():
        raise CopyError(f"{folder} is a file: name a folder for your copy of the notebooks.")
    inside = root == folder or root in folder.parents
    # A copy has a .gitignore before anything else, so that one that was broken off can go on.
    ours = not folder.exists() or not any(folder.iterdir()) or (folder / ".gitignore").exists()
    if inside and not (ours and folder.parent == root):
        raise CopyError(
            f"{folder} belongs to the project: name a folder outside it, or a new one at its top, "
            "for your copy of the notebooks."
        )


def _hand_out(root: Path, folder: Path, today: str) -> Copied:
    folder.mkdir(parents=True, exist_ok=True)
    if root in folder.parents:
        write(folder / ".gitignore", b"*\n")
    manifest, copied = read_manifest(folder), Copied([], [], [], [], [])
    for source in sources(root):
        if not is_whole(root / source):
            copied.damaged.append(source.stem)
            continue
        edited = source.suffix == ".ipynb" and is_edited(root / source)
        name, version, mine = source.as_posix(), fingerprint(root / source), folder / source
        entry, here = manifest.get(name, {}), fingerprint(mine) if mine.exists() else None
        if here is None or (here != version and here == entry.get("was") and "own" not in entry):
            (copied.replaced if here else copied.new).append(source.stem)
            copied.own.extend([source.stem] if edited else [])
            write(mine, (root / source).read_bytes())
            here = version
        if here == version:
            manifest[name] = {"was": version, **({"own": True} if edited else {})}
        elif source.suffix == ".ipynb" and version not in (entry.get("was"), entry.get("offered")):
            copied.beside.append(put_beside(root / source, mine, entry, today))
            manifest[name] = {**entry, "offered": version, "beside": copied.beside[-1]}
    remove_what_is_gone(root, folder, manifest)
    write(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n")
    trust({path for path in (folder / "notebooks").glob("*.ipynb")}, root / "notebooks")
    return copied


def put_beside(source: Path, mine: Path, entry: dict, today: str) -> str:
    """Put the new version of a chapter beside the learner's; returns the name of its file.

    An earlier one beside it that is as it was handed out makes place for it.
    """
    beside = Path(str(entry.get("beside", ""))).name
    earlier = mine.with_name(beside) if beside else None
    if earlier and earlier.is_file() and fingerprint(earlier) == entry.get("offered"):
        earlier.unlink()
    version = fingerprint(source)
    for path in names_beside(mine, today):
        if not path.exists():
            write(path, source.read_bytes())
        if fingerprint(path) == version:
            return path.name


def names_beside(mine: Path, today: str) -> Iterator[Path]:
    yield mine.with_name(f"{mine.stem} (new {today}){mine.suffix}")
    for number in itertools.count(2):
        yield mine.with_name(f"{mine.stem} (new {today}, {number}){mine.suffix}")


def remove_what_is_gone(root: Path, folder: Path, manifest: dict) -> None:
    """Take away what the project has no longer, if it is as it was handed out."""
    for name in set(manifest) - {source.as_posix() for source in sources(root)}:
        mine, entry = folder / name, manifest.pop(name)
        if mine.is_file() and fingerprint(mine) == entry.get("was") and "own" not in entry:
            mine.unlink()


def trust(copies: set[Path], project: Path) -> None:
    """Sign the notebooks that are the project's own, outputs and all, in the user's own store.

    Outputs that came from elsewhere stay untrusted, as JupyterLab means them to be. Where the
    store cannot be written, the outputs are shown like those of any untrusted notebook.
    """
    ours = {path.read_bytes() for path in project.glob("*.ipynb")}
    contents = {path.read_bytes() for path in copies} & ours
    with contextlib.suppress(OSError, sqlite3.Error):
        notary = NotebookNotary()
        for content in contents:
            notary.sign(reads(content.decode("utf-8"), as_version=4))
        notary.store.close()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read_manifest(folder: Path) -> dict[str, dict]:
    """What was handed out; nothing if that cannot be read, so that each file counts as changed."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {
            name: {key: value for key, value in entry.items() if isinstance(value, (str, bool))}
            for name, entry in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def told(copied: Copied, folder: Path) -> list[str]:
    """A sentence for each thing that a learner has to know."""
    sentences = [f"Your own copy of the notebooks lies in {folder}."]
    for names, what in (
        (
            copied.own,
            "You have changed chapters in the project's own folder: your copy goes on with "
            "them, and `git restore notebooks` lets you pull again",
        ),
        ([name for name in copied.replaced if name[:2].isdigit()], "You get their new version"),
        (
            copied.beside,
            "You have changed these chapters: yours stay, the new ones lie beside them",
        ),
        (
            copied.damaged,
            "These files of the project cannot be read, so your copy keeps what it has "
            "(`git merge --abort` ends a pull that met a conflict; a fresh download helps, too)",
        ),
    ):
        sentences += [f"{what}: {', '.join(names)}."] if names else []
    return sentences
