"""From the words of a command to a function with its options.

tyro reads and explains the options of one command. Of several it says neither which word was wrong
nor which was meant, and takes 0.3 s more; so the words before the options are read here.
"""

import contextlib
import functools
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import tyro

from tutorial_lib.cli.commands import commands
from tutorial_lib.contracts import checked, did_you_mean, nearest
from tutorial_lib.files import expanded

PROG = "python -m tutorial_lib"
MISTAKE = 2  # the exit status
Command = Callable[..., None]
Commands = Mapping[str, "Command | Commands"]


class Mistake(ValueError):
    """A command that is none, in words for its user."""


def call(arguments: Sequence[str]) -> None:
    """Find the command that the first words name, and call it with the options after them."""
    found, beside, path, rest = commands(arguments), {}, PROG, list(arguments)
    while isinstance(found, Mapping):
        if not rest or rest[0] in ("-h", "--help"):
            _overview(found, path, sys.stdout if rest else sys.stderr)
            raise SystemExit(0 if rest else MISTAKE)
        word, *rest = rest
        if word not in found:
            kind = "option" if word.startswith("-") else "command"
            raise Mistake(
                f"{path} has no {kind} {word!r}.{did_you_mean(word, found)} "
                f"There are: {', '.join(found)}. `{path} --help` explains them."
            )
        beside, found, path = found, found[word], f"{path} {word}"
    _parsed(found, path, rest, beside)()


def _parsed(
    command: Command, prog: str, options: list[str], beside: Commands
) -> Callable[[], None]:
    """The command with its options, ready to be called. Mistake names an option that is none."""

    @functools.wraps(command)
    def later(*given, **named):
        with_home = {name: _with_home(value) for name, value in named.items()}
        return functools.partial(checked(command), *map(_with_home, given), **with_home)

    if not (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf"):
        getattr(tyro, "_experimental_options", {})["utf8_boxes"] = False
    for word, after in zip(["", *options], [*options, "-"], strict=True):
        if after == "" or re.fullmatch(r"--[a-z][\w.-]*=", after):
            option = after.rstrip("=") or (word if word.startswith("--") else "an argument")
            raise Mistake(f"{option} is empty: give it a value. `{prog} --help` explains it.")
    with contextlib.redirect_stderr(io.StringIO()) as complaint:
        try:
            return tyro.cli(later, prog=prog, args=options)
        except SystemExit as exit_:
            status = exit_.code
    if status:
        known = _option_names(command)
        for option in options:
            word = option.partition("=")[0].replace("_", "-")
            if re.match(r"--[a-z]", word) and word not in known:
                _refuse(word, known, prog, beside)
    sys.stderr.write(complaint.getvalue())
    raise SystemExit(status)


def _with_home(value: Any) -> Any:
    """A path with its ~ expanded, which a shell leaves alone in --out=~/run; all else as it is."""
    return expanded(str(value)) if isinstance(value, Path) else value


def _option_names(command: Command) -> list[str]:
    """All options of a command, read from its help."""
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        tyro.cli(command, args=["--help"])
    return list(dict.fromkeys(re.findall(r"(?<![\w`])--[a-z][\w.-]*", text.getvalue())))


def _refuse(word: str, known: list[str], prog: str, beside: Commands) -> NoReturn:
    """Mistake that names the option meant, also if a word too many stands in its path.

    beside   commands of which one may have the option
    """
    shorter = [word.replace(".fit.", ".").replace("--fit.", "--"), "--" + word.split(".")[-1]]
    meant = [each for each in shorter if each in known]
    commands_beside = {name: each for name, each in beside.items() if callable(each)}
    others = [name for name, each in commands_beside.items() if word in _option_names(each)]
    near = meant[0] if meant else nearest(word, known)
    hint = f" Did you mean {near}?" if near else ""
    if others and not meant:
        *most, last = map(repr, others)
        listed = f"{', '.join(most)} and {last}" if most else last
        hint = f" It is an option of {listed}."
    raise Mistake(f"no option {word}.{hint} `{prog} --help` lists the options.")


def _overview(found: Commands, path: str, stream: Any) -> None:
    """What there is below some words: a line each."""
    width = max(map(len, found)) + 2
    print(f"usage: {path} COMMAND [OPTIONS]\n", file=stream)
    for name, each in found.items():
        told = ", ".join(each) if isinstance(each, Mapping) else (each.__doc__ or "").strip()
        print(f"  {name:{width}}{told.partition(chr(10))[0]}", file=stream)
    print(f"\n`{path} COMMAND --help` explains the options of a command.", file=stream)
    if path == PROG:
        print(f"`{PROG} --version` tells the version.", file=stream)
