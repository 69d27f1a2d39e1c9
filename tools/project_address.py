"""The project's address, which stands in one place: pyproject.toml, [project.urls] Repository.

The setup cell installs from it, and the links into Colab lead to it; `tools/stamping.py` puts both
where they belong.
"""

from __future__ import annotations

import re
from pathlib import Path

from notebook_pairs import PYPROJECT

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

HOST = "https://github.com/"  # Colab opens notebooks from nowhere else
OWNER = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}"
NAME = r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"
WHOLE = re.compile(rf"{re.escape(HOST)}(?P<owner>{OWNER})/(?P<name>{NAME})")
PAGES = re.compile(rf"https://{OWNER}\.github\.io/[A-Za-z0-9._-]+/")
LINE = re.compile(r'^Repository = "[^"\n]*"$', re.MULTILINE)


class AddressError(ValueError):
    """An address that the project cannot have; the message says what is expected."""


def address(pyproject: Path = PYPROJECT) -> str:
    """The address as pyproject.toml has it."""
    return written_in(pyproject.read_text(encoding="utf-8"))


def written_in(pyproject_text: str) -> str:
    return tomllib.loads(pyproject_text)["project"]["urls"]["Repository"]


def checked(url: str) -> str:
    """The address in its plain form, without a `.git` or a slash at its end. Or AddressError."""
    plain = url.strip().removesuffix("/").removesuffix(".git")
    if not WHOLE.fullmatch(plain):
        raise AddressError(
            f"expected {HOST}OWNER/REPOSITORY (Colab opens notebooks from GitHub), got {url!r}"
        )
    return plain


def repository_name(url: str) -> str:
    """What `git clone` calls the folder."""
    return WHOLE.fullmatch(checked(url))["name"]


def with_address(pyproject_text: str, url: str) -> str:
    """The text of pyproject.toml with another address. AddressError if it has no line for it."""
    changed, n_lines = LINE.subn(f'Repository = "{checked(url)}"', pyproject_text)
    if n_lines != 1 or written_in(changed) != checked(url):
        raise AddressError(
            f'expected one line `Repository = "..."` in pyproject.toml, found {n_lines}'
        )
    return changed


def pages_address(url: str) -> str:
    """Where GitHub shows the project's site: https://OWNER.github.io/REPOSITORY/"""
    found = WHOLE.fullmatch(checked(url))
    return f"https://{found['owner'].lower()}.github.io/{found['name']}/"
