"""Keep the notebooks in order: what `make notebooks` and `make lint` call.

    python tools/notebooks.py sync     copy the cells of notebooks/text into the notebooks
    python tools/notebooks.py stamp    put setup cells and links into Colab in; the README's, too
    python tools/notebooks.py run      execute them and store their outputs
    python tools/notebooks.py check    say what is wrong; exit 1 if anything is

Each takes names or paths, as in `run notebooks/13_two_stage_generation.ipynb`; default: all.

    python tools/notebooks.py move https://github.com/OWNER/REPOSITORY

gives the project another address: in pyproject.toml, and in everything that is stamped from it.
"""

from __future__ import annotations

import argparse
import sys
import time

from colab_links import readme_problems
from notebook_gate import pair_problems
from notebook_pairs import NOTEBOOKS, ROOT, Pair, PairError, find_pairs, sync
from notebook_run import RunError, run
from project_address import AddressError, address
from stamping import move, stamp, stamp_readme, write_all


def sync_all(pairs: list[Pair], options: argparse.Namespace) -> list[str]:
    for pair in pairs:
        show_changes(pair, sync(pair, truth=options.truth))
    return []


def stamp_all(pairs: list[Pair], options: argparse.Namespace) -> list[str]:
    for pair in pairs:
        show_changes(pair, stamp(pair))
    readme = stamp_readme()
    write_all(readme)
    for path in readme:
        print(f"wrote {path.name}")
    return []


def run_all(pairs: list[Pair], options: argparse.Namespace) -> list[str]:
    problems = []
    for pair in pairs:
        print(f"{pair.name}: running under the {options.profile} profile", flush=True)
        started = time.monotonic()
        try:
            run(pair.notebook, profile=options.profile, timeout=options.timeout, report=show)
        except RunError as problem:
            problems.append(f"{pair.name}: not stored, because\n{problem}")
            continue
        size = pair.notebook.stat().st_size / 1000
        print(f"{pair.name}: {time.monotonic() - started:.0f} s, {size:.0f} kB", flush=True)
    return problems


def check_all(pairs: list[Pair], options: argparse.Namespace) -> list[str]:
    problems = [f"{pair.name}: {each}" for pair in pairs for each in pair_problems(pair)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    problems += readme_problems(readme, [pair.name for pair in pairs], address())
    if not problems:
        print(f"{len(pairs)} notebooks checked: all in order")
    return problems


def move_project(pairs: list[Pair], options: argparse.Namespace) -> list[str]:
    before = address()
    changed = move(options.url)
    print(f"{before} -> {address()}: wrote {len(changed)} files")
    for path in changed:
        print(f"  {path.relative_to(ROOT)}")
    return []


def show(line: str) -> None:
    print(line, flush=True)


def show_changes(pair: Pair, changed: list) -> None:
    if changed:
        print(f"{pair.name}: wrote", ", ".join(str(path.relative_to(ROOT)) for path in changed))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(required=True, metavar="sync|stamp|run|check|move")
    for name, action in dict(sync=sync_all, stamp=stamp_all, run=run_all, check=check_all).items():
        sub = actions.add_parser(name)
        sub.add_argument("names", nargs="*", metavar="NOTEBOOK")
        sub.set_defaults(action=action)
        if name == "sync":
            truth = sub.add_mutually_exclusive_group()
            for flag, value in {"--from-notebooks": "notebook", "--from-texts": "text"}.items():
                truth.add_argument(flag, dest="truth", action="store_const", const=value)
        if name == "run":
            sub.add_argument("--profile", choices=["smoke", "laptop", "gpu"], default="laptop")
            sub.add_argument("--timeout", type=float, default=1800, help="seconds for one cell")
    sub = actions.add_parser("move")
    sub.add_argument("url", metavar="URL")
    sub.set_defaults(action=move_project, names=[])
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        problems = options.action(find_pairs(NOTEBOOKS, options.names), options)
    except (PairError, AddressError) as problem:
        problems = [str(problem)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
