"""The command line, python -m tutorial_lib COMMAND: from its words to a function, and its end.

Options come from the signatures in `commands` and `train_commands` (tyro). Nothing here needs
torch: help, lists and mistakes are answered at once. A mistake is told in one line, without a
traceback.

    exit status   0    done
                  1    something failed that the command itself cannot help: memory, network, disk
                  2    a mistake in the command, or files that do not fit it
                  130  interrupted by Ctrl-C, also if a checkpoint was saved; 143: by SIGTERM
                  141  nobody reads what is printed any more, as in `... | head -1`
"""

from __future__ import annotations

import codecs
import contextlib
import functools
import io
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tutorial_lib import __version__
from tutorial_lib.contracts.suggestions import did_you_mean, nearest
from tutorial_lib.user_folders import expanded

PROG = "python -m tutorial_lib"
SECONDS_TO_BE_ENDED = 3  # in which torchrun ends the processes beside one that failed
OK, FAILED, MISTAKE, INTERRUPTED, NOBODY_READS = 0, 1, 2, 130, 141
# Errors of which their class says that the command was right.
FAILURES = ("DataUnavailable", "OutOfMemory", "TrainingDiverged")
PLAIN = {"•": "*", "–": "-", "—": "-", "→": "->", "×": "x", "…": "...", "█": "#", "─": "-"}

Command = Callable[..., None]
Commands = Mapping[str, "Command | Commands"]


class Mistake(ValueError):
    """A command that is none, in words for its user."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; SystemExit with the status above unless it is 0."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        _print_anything(stream)
    try:
        with _torch_is_loaded_or_not():
            status = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        status = _nobody_reads()
    if status != OK:
        raise SystemExit(status)


@contextlib.contextmanager
def _torch_is_loaded_or_not() -> Iterator[None]:
    """In the block, Ctrl-C while torch is being loaded ends the program at once.

    torch's loader is written in C++ and would be aborted by the exception, with a core dump.
    """
    before = signal.getsignal(signal.SIGINT)
    ours = before is signal.default_int_handler
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(number: int, frame: object) -> None:
    if getattr(getattr(sys.modules.get("torch"), "__spec__", None), "_initializing", False):
        os.write(2, b"Interrupted.\n")
        os._exit(INTERRUPTED)
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    """The exit status of a command; its errors are told here."""
    try:
        _dispatch(arguments)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        goes_on = " The same command goes on." if arguments[:1] == ["train"] else ""
        _tell(f"Interrupted.{goes_on}")
        return INTERRUPTED
    except Exception as error:
        told = _explained(error)
        if told is None:
            raise
        _tell(f"error: {told}")
        return _status_of(error)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else OK if exit_.code is None else FAILED
    return OK


def _dispatch(arguments: list[str]) -> None:
    """Find the command that the first words name, and call it with the options after them."""
    if arguments == ["--version"]:
        print(f"from-pixels-to-codes {__version__}")
        return
    from tutorial_lib.cli.commands import commands

    found: Command | Commands = commands(arguments)
    beside: Commands = {}
    words: list[str] = []
    rest = arguments
    while isinstance(found, Mapping):
        if not rest or rest[0] in ("-h", "--help"):
            _overview(found, words, sys.stdout if rest else sys.stderr)
            if not rest:
                raise SystemExit(MISTAKE)
            return
        if rest[0] not in found:
            path = " ".join([PROG, *words])
            kind = "option" if rest[0].startswith("-") else "command"
            raise Mistake(
                f"{path} has no {kind} {rest[0]!r}.{did_you_mean(rest[0], found)} "
                f"There are: {', '.join(found)}. `{path} --help` explains them."
            )
        beside, found = found, found[rest[0]]
        words, rest = [*words, rest[0]], rest[1:]
    _parsed(found, " ".join([PROG, *words]), rest, beside)()


def _parsed(
    command: Command, prog: str, options: list[str], beside: Commands
) -> Callable[[], None]:
    """The command with its options, ready to be called. Mistake names an option that is none."""
    import tyro

    if not _is_unicode(sys.stdout):
        getattr(tyro, "_experimental_options", {})["utf8_boxes"] = False

    @functools.wraps(command)
    def later(*given, **named):
        with_home = {name: _with_home(value) for name, value in named.items()}
        return functools.partial(command, *map(_with_home, given), **with_home)

    for word, after in zip(["", *options], [*options, "-"], strict=True):
        if after == "" or re.fullmatch(r"--[a-z][\w.-]*=", after):
            option = after.rstrip("=") or (word if word.startswith("--") else "an argument")
            raise Mistake(f"{option} is empty: give it a value. `{prog} --help` explains it.")

    if not {"-h", "--help"} & set(options):
        try:
            return tyro.cli(later, prog=prog, args=options, console_outputs=False)
        except SystemExit:
            _require_known(options, _option_names(later, prog), prog, beside)
    return tyro.cli(later, prog=prog, args=options)


def _with_home(value: Any) -> Any:
    """A path with its ~ expanded, which a shell leaves alone in --out=~/run; all else as it is."""
    return expanded(str(value)) if isinstance(value, Path) else value


def _option_names(command: Command, prog: str) -> list[str]:
    """All options of a command, read from its help."""
    import tyro

    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        tyro.cli(command, prog=prog, args=["--help"])
    return list(dict.fromkeys(re.findall(r"(?<![\w`])--[a-z][\w.-]*", text.getvalue())))


def _require_known(options: list[str], known: list[str], prog: str, beside: Commands) -> None:
    """Mistake that names the nearest option, also if a word too many stands in its path.

    beside   commands of which one may have the option
    """
    for option in options:
        word = option.partition("=")[0].replace("_", "-")
        if not re.match(r"--[a-z]", word) or word in known:
            continue
        shorter = [word.replace(".fit.", ".").replace("--fit.", "--"), "--" + word.split(".")[-1]]
        near = next((each for each in shorter if each in known), None)
        others = [k for k, v in beside.items() if not near and not isinstance(v, Mapping)]
        others = [each for each in others if word in _option_names(beside[each], prog)]
        near = near or nearest(word, known)
        hint = f" Did you mean {near}?" if near else ""
        if others:
            hint = f" It is an option of {' and '.join(map(repr, others))}."
        raise Mistake(f"no option {word}.{hint} `{prog} --help` lists the options.")


def _overview(found: Commands, words: list[str], stream: Any) -> None:
    """What there is below some words: a line each."""
    path = " ".join([PROG, *words])
    lines = [(name, _first_line(each)) for name, each in found.items()]
    width = max(len(name) for name, _ in lines) + 2
    print(f"usage: {path} COMMAND [OPTIONS]\n", file=stream)
    for name, told in lines:
        print(f"  {name:{width}}{told}", file=stream)
    print(f"\n`{path} COMMAND --help` explains the options of a command.", file=stream)
    if not words:
        print(f"`{PROG} --version` tells the version.", file=stream)


def _first_line(found: Command | Commands) -> str:
    if isinstance(found, Mapping):
        return ", ".join(found)
    return (found.__doc__ or "").strip().splitlines()[0]


# ------------------------------------------------------------------------------- how it ends


def _explained(error: Exception) -> str | None:
    """What to tell the user; None for an error that is a mistake of this program."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and not missing.startswith("tutorial_lib"):
        return f"{missing} is not installed here: pip install {missing.partition('.')[0]}"
    if sys.modules.get("torch"):
        from tutorial_lib.sampling.out_of_memory import OutOfMemory, is_out_of_memory

        if is_out_of_memory(error) and not isinstance(error, OutOfMemory):
            return "memory ran out here: ask for less at a time, or close other programs"
    ours = type(error).__module__.startswith("tutorial_lib.")
    return str(error) if ours or isinstance(error, (ValueError, OSError, MemoryError)) else None


def _status_of(error: Exception) -> int:
    if type(error).__name__ in FAILURES or isinstance(
        error, (MemoryError, RuntimeError, ModuleNotFoundError)
    ):
        return MISTAKE if type(error).__name__ == "CheckpointError" else FAILED
    wrong_path = (FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError)
    if isinstance(error, OSError) and not isinstance(error, (*wrong_path, IsADirectoryError)):
        return FAILED
    return MISTAKE


def _tell(message: str) -> None:
    """Print to stderr; once, if several processes train together and all fail alike.

    The main one does so at once. Another one first waits: if the main one has failed too, torchrun
    ends it meanwhile.
    """
    number = os.environ.get("RANK", "0")
    if number != "0":
        time.sleep(SECONDS_TO_BE_ENDED)
        message = f"process {number}: {message}"
    print(message, file=sys.stderr)


def _nobody_reads() -> int:
    """Python would complain of the closed pipe once more when it ends: give it another."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        pass  # a stream without a file
    return NOBODY_READS


# ------------------------------------------------------------------------ terminals of any kind


def _is_unicode(stream: Any) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")


def _print_anything(stream: Any) -> None:
    """What a terminal cannot show is printed in plain characters, not an error."""
    if not _is_unicode(stream) and hasattr(stream, "reconfigure"):
        codecs.register_error("tutorial_plain", _in_plain_characters)
        stream.reconfigure(errors="tutorial_plain")


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(PLAIN.get(each, "?") for each in unknown), error.end
