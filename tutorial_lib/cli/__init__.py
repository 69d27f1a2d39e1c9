"""The command line, python -m tutorial_lib COMMAND: how it begins and ends.

dispatch         from words to a function
commands         the functions: their signatures are the options (tyro)
model_commands   those that draw from a trained model
train_commands   those below `train`
options          options that may be left out; those made from settings

Nothing here needs torch: help, lists and mistakes are answered at once. A mistake is told in one
line, without a traceback.

    exit status   0    done
                  1    something failed that the command itself cannot help: memory, network, disk
                  2    a mistake in the command, or files that do not fit it
                  130  interrupted by Ctrl-C, also if a checkpoint was saved; 143: by SIGTERM
                  141  nobody reads what is printed any more, as in `... | head -1`
"""

import codecs
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tutorial_lib import __version__

SECONDS_TO_BE_ENDED = 3  # in which torchrun ends the processes beside one that failed
OK, FAILED, MISTAKE, INTERRUPTED, NOBODY_READS = 0, 1, 2, 130, 141
# Errors of which their class says that the command was right.
FAILURES = ("DataUnavailable", "OutOfMemory", "TrainingDiverged")
WRONG_PATH = (FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError)
WRONG_PATH += (IsADirectoryError,)
PLAIN = {"•": "*", "–": "-", "—": "-", "→": "->", "×": "x", "…": "...", "█": "#", "─": "-"}


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
        if arguments == ["--version"]:
            print(f"from-pixels-to-codes {__version__}")
        else:
            from tutorial_lib.cli.dispatch import call

            call(arguments)
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
    name = type(error).__name__
    failed = isinstance(error, (MemoryError, OSError, RuntimeError, ModuleNotFoundError))
    failed = failed and name != "CheckpointError" and not isinstance(error, WRONG_PATH)
    return FAILED if failed or name in FAILURES else MISTAKE


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
