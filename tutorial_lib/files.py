"""Where this user's files lie, and how they are written: whole or not at all.

Long trainings and points lie in the folder that the operating system has for what is to last: no
cleaner empties it, and no update of the project touches it. A user without a home, as containers
have them, gets a folder among the temporary files. A machine that may be taken away, as Colab's is,
keeps nothing. With TUTORIAL_RUNS_DIR set to a folder of a mounted drive, trainings are kept there
and go on where they were, from any working folder and on any machine that mounts the same drive.

A file is written under another name, flushed to the disk and then renamed: whoever is interrupted
leaves either the old file or the new one. Drives that are mounted through a network (Colab's, say)
may refuse to flush, to change permissions, or to rename onto a file that exists. The first two are
done without; for the third the old file steps aside for a moment, and is found there if the process
dies in it. Whatever else goes wrong is an error that names the file and what to do.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

NAME = "tutorial_lib"
RUNS = "TUTORIAL_RUNS_DIR"
DRIVE = Path("/content/drive")  # where Colab mounts a drive
NOT_SUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK}
NOT_PERMITTED = NOT_SUPPORTED | {errno.EPERM}
NOT_ONTO_A_FILE = NOT_PERMITTED | {errno.EEXIST, errno.EACCES}
AGAIN = "give the same command again"
FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
ADVICE = {
    **dict.fromkeys(FULL, f"free some space, then {AGAIN}"),
    **dict.fromkeys(CLOSED, f"make the folder writable, or choose another, then {AGAIN}"),
    **dict.fromkeys(
        IN_THE_WAY,
        "a file lies where a folder is needed, or a folder in the place of a file: choose another "
        "path",
    ),
    errno.ENAMETOOLONG: "choose a shorter path",
}


def user_data_dir() -> Path:
    """For what is to last; made by the first write, not here."""
    return _known_or_temporary(lambda: platformdirs.user_data_path(NAME, appauthor=False), "data")


def user_cache_dir() -> Path:
    """For what can be downloaded again; made by the first write, not here."""
    return _known_or_temporary(lambda: platformdirs.user_cache_path(NAME), "cache")


def expanded(named: str) -> Path:
    """The folder of that name, with `~` for the home; a name like ~nobody is one like any other."""
    return Path(os.path.expanduser(named))


def runs_dir() -> Path:
    """The folder in which runs live. ValueError if TUTORIAL_RUNS_DIR cannot be meant."""
    named = os.environ.get(RUNS, "").strip()
    if not named:
        return user_data_dir() / "runs"
    folder = expanded(named)
    if not folder.is_absolute():
        raise ValueError(f"{RUNS} must be an absolute path, got {named!r}")
    if DRIVE in (folder, *folder.parents) and not DRIVE.is_mount():
        # To make the folder now would put the run on this machine, and block the mount later.
        raise ValueError(f"{RUNS} is {named!r}, but no drive is mounted: mount it first")
    return folder


def kept_run(name: str) -> Path | None:
    """The folder for a chapter's run, one for each profile; None if TUTORIAL_RUNS_DIR is not set.

    Meant for `fit(..., out=kept_run("chapter-13/stage-two"))`, where None keeps nothing.
    """
    from tutorial_lib import profiles  # it loads torch

    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise ValueError(f"name must be a path inside the folder of runs, got {name!r}")
    kept = os.environ.get(RUNS, "").strip()
    return runs_dir() / profiles.current() / name if kept else None


def _known_or_temporary(folder, kind: str) -> Path:
    try:
        known = folder()
    except RuntimeError:  # platformdirs finds no home; older ones leave its `~` in the path
        known = Path()
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    temporary = Path(tempfile.gettempdir(), f"{NAME}-{owner}", kind)
    return known if known.is_absolute() else temporary


# ------------------------------------------------------------------------- a file, whole or not


@contextmanager
def file_named(path: Path) -> Iterator[None]:
    """Errors of the system while `path` is written name it and say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        cure = ADVICE.get(error.errno, f"when the disk can be written again, {AGAIN}")
        told = f"{os.strerror(error.errno)}: {cure}. The file is"
        raise OSError(error.errno, told, str(path)) from error


@contextmanager
def done_without(refusals: set[int]) -> Iterator[None]:
    """What a drive refuses with one of these numbers is left out."""
    try:
        yield
    except OSError as error:
        if error.errno not in refusals:
            raise


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`, making its folder; after an error the old file is as it was."""
    with file_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                with done_without(NOT_SUPPORTED):
                    os.fsync(file.fileno())
            with done_without(NOT_PERMITTED):
                os.chmod(name, 0o644)
            _rename(Path(name), path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _rename(temporary: Path, path: Path) -> None:
    """Rename onto `path`; where that is refused, in two steps that lose neither file."""
    try:
        os.replace(temporary, path)
        return
    except OSError as error:
        if error.errno not in NOT_ONTO_A_FILE or not path.exists():
            raise
    aside = _aside(path)
    aside.unlink(missing_ok=True)
    os.rename(path, aside)
    try:
        os.rename(temporary, path)
    except BaseException:
        os.rename(aside, path)
        raise
    aside.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def newest(path: Path) -> Path:
    """Where the last whole file of that name is: at `path` or, after a death in between, aside."""
    return _aside(path) if _aside(path).exists() and not path.exists() else path


def remove_leftovers(path: Path) -> None:
    """Delete what writers of `path` left behind that were killed before they could rename it."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        part.unlink(missing_ok=True)
    if path.exists():
        _aside(path).unlink(missing_ok=True)
