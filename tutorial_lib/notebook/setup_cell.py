"""The source of the one setup cell that notebooks and assignments begin with.

It installs the package only where it is missing (on Colab, say), from the project's address or from
what the environment variable TUTORIAL_LIB_SPEC names. The package's bounds are low, so that pip
leaves the torch that is there alone. Where pip fails, its own last words are quoted; that the
machine is offline is said only where pip could not find an address. The last line names the
library's version, so that a notebook kept from before says that it does not fit the library.
"""

from importlib import metadata

from tutorial_lib import __version__

# At most 15 lines whatever the address, so that a learner meets the chapter and not its plumbing.
TEMPLATE = """\
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("tutorial_lib") is None:  # on Colab, for example
    address = "git+{address}"
    print("Installing", package := os.environ.get("TUTORIAL_LIB_SPEC", "").strip() or address)
    command = [sys.executable, "-m", "pip", "install", "--quiet", package]
    pip = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    if pip.returncode:
        offline = any(w in pip.stderr for w in ("resolve host", "NameRes", "name res", "addrinfo"))
        raise RuntimeError("Go online, then run this cell again.\\n" * offline + pip.stderr[-2000:])
    importlib.invalidate_caches()
importlib.import_module("tutorial_lib.notebook.setup").start("{version}")"""


def setup_source(address: str) -> str:
    """The cell for a project at this address."""
    return TEMPLATE.format(address=address, version=__version__)


def installed_address() -> str:
    """The project's address, as the installed package has it from pyproject.toml."""
    named = metadata.metadata("from-pixels-to-codes").get_all("Project-URL")
    return dict(line.split(", ", 1) for line in named)["Repository"]
