"""Points kept between sessions: one JSON file a chapter among the user's own data.

TUTORIAL_STATE_DIR names another folder. A file is written whole or not at all. Where it cannot be
written or read, exercises work as ever, and the reader is told once. Points that an earlier version
kept in the cache, which cleaners empty, are taken along once; its files are left as they are.
Points of an exercise that stood in another chapter are read from that chapter's file as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tutorial_lib.exercises.definition import NOT_ATTEMPTED, PASSED, Grade
from tutorial_lib.exercises.moved import came_from
from tutorial_lib.exercises.reports import Report, Table, Text
from tutorial_lib.files import expanded, user_cache_dir, user_data_dir, write_whole

DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
TAKEN_ALONG = "taken-along"  # an empty file: what lay in the cache is here

_told: set[str] = set()  # what the reader of this session was told already


@dataclass(frozen=True)
class Entry:
    """How far one exercise has come: the best points, the last outcome unless passed, attempts."""

    outcome: str = NOT_ATTEMPTED
    points: int = 0
    attempts: int = 0


def state_dir() -> Path:
    """TUTORIAL_STATE_DIR if that is set, else a folder of this user. Made by the first write."""
    override = os.environ.get("TUTORIAL_STATE_DIR", "").strip()
    return expanded(override) if override else user_data_dir() / "progress"


def read(chapter: str) -> tuple[dict[str, Entry], str]:
    """Entries of a chapter by the name of the exercise, and a note if they cannot be read."""
    _take_along()
    path, entries, note = _file(chapter), {}, ""
    try:
        entries = _entries(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        note = first_time(f"Earlier progress could not be read ({error}).")
    except DAMAGED:
        note = first_time(f"Earlier progress could not be read: {path} is damaged{_aside(path)}.")
    return _with_moved(chapter, entries), note


def record(chapter: str, exercise: str, grade: Grade) -> str:
    """Note the result of one check; returns what the reader has to be told, if anything."""
    if grade.outcome == NOT_ATTEMPTED:
        return ""
    entries, note = read(chapter)
    entries[exercise] = _updated(entries.get(exercise, Entry()), grade)
    try:
        _write(_file(chapter), entries)
    except OSError as error:
        cure = "TUTORIAL_STATE_DIR can name a folder that you may write to."
        return f"{note} {first_time(f'Your progress could not be saved ({error}). {cure}')}".strip()
    return note


def progress_report(chapter: str, exercises: Sequence) -> Report:
    """Table of a chapter: points, outcome and attempts of every exercise."""
    entries, note = read(chapter)
    rows, total = [], 0
    for each in exercises:
        entry = entries.get(each.name, Entry())
        points = each.points if entry.outcome == PASSED else min(entry.points, each.points)
        total += points
        told = f"{points} of {each.points}"
        rows.append([f"{each.number} {each.title}", entry.outcome, told, str(entry.attempts)])
    out_of = sum(each.points for each in exercises)
    rows.append(["all", "", f"{total} of {out_of}", ""])
    blocks = [Text(title=f"Chapter {chapter.removeprefix('ch')}: exercises")]
    blocks.append(Table(["exercise", "outcome", "points", "attempts"], rows))
    return Report([*blocks, *([Text(note)] if note else [])])


def first_time(message: str) -> str:
    """The message, or nothing if it was given before in this session."""
    if message in _told:
        return ""
    _told.add(message)
    return message


def _updated(entry: Entry, grade: Grade) -> Entry:
    """One attempt more. What was passed stays passed."""
    outcome = PASSED if entry.outcome == PASSED else grade.outcome
    return Entry(outcome, max(entry.points, grade.points), entry.attempts + 1)


def _entries(path: Path) -> dict[str, Entry]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: _entry(fields) for name, fields in content["exercises"].items()}


def _entry(fields: dict) -> Entry:
    """What a later version noted besides is left out."""
    known = {each.name for each in dataclasses.fields(Entry)}
    entry = Entry(**{name: value for name, value in fields.items() if name in known})
    if [type(value) for value in asdict(entry).values()] != [str, int, int]:
        raise TypeError(f"an entry of outcome, points and attempts is expected, got {fields!r}")
    return entry


def _file(chapter: str) -> Path:
    return state_dir() / f"{chapter}.json"


def _aside(path: Path) -> str:
    """Keep a damaged file under another name, so that the next write does not destroy it."""
    kept = path.with_suffix(".damaged.json")
    try:
        os.replace(path, kept)
    except OSError:
        return ""
    return f" and is kept as {kept.name}"


def _cached_dir() -> Path:
    """Where points lay before."""
    return user_cache_dir() / "progress"


def _take_along() -> None:
    """Copy points from the old place, once; where both places have some, the better ones count.

    What cannot be read or written is left for the next time.
    """
    here, there = state_dir(), _cached_dir()
    if os.environ.get("TUTORIAL_STATE_DIR", "").strip() or (here / TAKEN_ALONG).exists():
        return
    try:
        for old in sorted(there.glob("ch[0-9][0-9].json")):
            path = here / old.name
            with contextlib.suppress(*DAMAGED):
                entries = _entries(path) if path.exists() else {}
                for name, entry in _entries(old).items():
                    entries[name] = _better(entries.get(name, Entry()), entry)
                _write(path, entries)
        if there.is_dir():
            (here / TAKEN_ALONG).touch()
    except OSError:
        return


def _with_moved(chapter: str, entries: dict[str, Entry]) -> dict[str, Entry]:
    """The entries, and those of exercises that another chapter held when they were noted."""
    for old, names in came_from(chapter).items():
        with contextlib.suppress(OSError, *DAMAGED):
            noted = _entries(_file(old))
            for name in noted.keys() & names:
                entries[name] = _better(entries.get(name, Entry()), noted[name])
    return entries


def _better(one: Entry, other: Entry) -> Entry:
    first, second = sorted((one, other), key=lambda each: (each.outcome == PASSED, each.points))
    return Entry(second.outcome, second.points, max(first.attempts, second.attempts))


def _write(path: Path, entries: dict[str, Entry]) -> None:
    content = {"exercises": {name: asdict(entry) for name, entry in entries.items()}}
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())
