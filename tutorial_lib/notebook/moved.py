"""Old addresses: what imports a module from where it stood before is told where it is.

A notebook that somebody saved then still says `from tutorial_lib.masks import causal_mask`.
"""

import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

ROOMS = "pixels sampling codes training data recipes notebook contracts cli".split()
# All others kept their names when they moved into a room.
MOVED = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))


def new_address(old: str) -> str | None:
    """Where the module `old` stands now, below tutorial_lib; None if no room has it."""
    if old in MOVED:
        return MOVED[old]
    library = Path(__file__).parents[1]
    kept = (r for r in ROOMS if old in {each.stem for each in (library / r).iterdir()})
    room = next(kept, None)
    return room and f"{room}.{old}"


class OldAddresses(MetaPathFinder):
    """Asked last, when no module of that name was found."""

    def find_spec(self, name, path=None, target=None):
        package, _, old = name.partition(".")
        if package == "tutorial_lib" and (new := new_address(old)):
            raise ImportError(
                f"tutorial_lib.{old} stands in tutorial_lib.{new} now. A "
                "notebook that was saved before needs its new version: see the project's page."
            )


def answer_old_addresses() -> None:
    """Let imports of old addresses end in a sentence."""
    if not any(isinstance(each, OldAddresses) for each in sys.meta_path):
        sys.meta_path.append(OldAddresses())
