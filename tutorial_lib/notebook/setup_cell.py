"""The source of the one setup cell that notebooks and assignments begin with.

It installs the package only where it is missing (on Colab, say), from the project's address or from
what the environment variable TUTORIAL_LIB_SPEC names. The package's bounds are low, so that pip
leaves the torch that is there alone. Where pip fails, its own last words are quoted; that the
machine is offline is said only where pip could not find an address. The last line names the
library's version, so that a notebook kept from before says that it does not fit the library.
"""

from importlib import metadata
from pathlib import Path

from tutorial_lib import __version__


def setup_source(address: str) -> str:
    """The cell for a project at this address: setup_cell.txt, at most 15 lines."""
    template = Path(__file__).with_suffix(".txt").read_text("utf-8").removesuffix("\n")
    return template.format(address=address, version=__version__)


def installed_address() -> str:
    """The project's address, as the installed package has it from pyproject.toml."""
    named = metadata.metadata("from-pixels-to-codes").get_all("Project-URL")
    return dict(line.split(", ", 1) for line in named)["Repository"]
