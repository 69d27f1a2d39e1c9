"""The links of a built site: made local where they lead to the site itself, then followed.

A link that leads nowhere is a problem, and so is a page that loads a script, a style or a picture
from elsewhere: the site works offline.
"""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

OFFLINE = "from-pixels-to-codes-live.html"  # carries all live pages, in bytes that are no UTF-8
LOADING = {(tag, "src") for tag in "script img iframe source audio video embed".split()}
LOADING |= {("object", "data")}
LOADED = {"stylesheet", "icon", "modulepreload", "preload"}  # what a <link> may load


class Page(HTMLParser):
    """What a page links to and loads, and the names of places on it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "link" and LOADED & {*found.get("rel", "").split()}:
            self.loads.append(found.get("href", ""))
        elif tag in ("a", "area", "link") and "href" in found:
            self.links.append(found["href"])
        self.loads += [url for name, url in found.items() if (tag, name) in LOADING]


# What the theme puts on every page: icons that its font has as well (1.6 MB), and what searches.
ICONS = re.compile(r'<script [^>]*src="[^"]*/fontawesome\.js[^>]*></script>')
SEARCH = re.compile(
    r'<script src="[^"]*\b(?:searchtools|language_data|searchindex)\.js[^>]*></script>'
)


def finish(folder: Path, address: str) -> None:
    """Make links to the site's own address relative, and drop the scripts that no page needs."""
    own = re.compile(rf'(?<=href="){re.escape(address)}([^"#?]*)')
    for path in _pages(folder):
        text = path.read_text(encoding="utf-8")
        up = os.path.relpath(folder, path.parent).replace(os.sep, "/")
        new = own.sub(lambda found, up=up: f"{up}/{found[1] or 'index.html'}", text)
        new = ICONS.sub("", new if path.name == "search.html" else SEARCH.sub("", new))
        if new != text:
            path.write_text(new, encoding="utf-8")


def check(folder: Path) -> tuple[int, list[str]]:
    """How many local links were followed, and what is wrong, a line each."""
    folder = folder.resolve()
    found = (path for path in _pages(folder) if folder / "_static" not in path.parents)
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in found}
    n_links, problems = 0, []
    for path, page in sorted(pages.items()):
        name = path.relative_to(folder).as_posix()
        loaded = [url for url in page.loads if urlsplit(url).netloc]
        problems += [f"{name}: loads {url} from elsewhere" for url in loaded]
        for url in dict.fromkeys(page.links + page.loads):
            if url and not urlsplit(url).scheme and not urlsplit(url).netloc:
                n_links += 1
                if told := _problem(path, url, pages, folder):
                    problems.append(f"{name}: {url} {told}")
    return n_links, problems


def _pages(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.html") if path.name != OFFLINE]


def _problem(path: Path, url: str, pages: dict[Path, Page], folder: Path) -> str | None:
    parts = urlsplit(url)
    target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target = target / "index.html"
    if not target.is_relative_to(folder) or not target.is_file():
        return "leads to no file"
    if target in pages and unquote(parts.fragment) not in pages[target].places:
        return "names a place that is not on that page"
    return None
