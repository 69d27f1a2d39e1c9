"""All live pages in one HTML file that needs no server and no network.

    python site/live/build.py site/live/models              first: the weights
    python site/live/offline.py site/live OUT.html          then: everything in one file

The first argument is any folder that holds the pages, their `js/` and `live.css`, and `models/`.

A page that was opened from a disk may load no modules and fetch no files. So this file carries the
pages as data: compressed, and written as bytes of windows-1252, in which every byte is a letter. In
base64 the 16-bit weights alone would take more than the limit. `js/offline.js`, at the file's end,
unpacks them and shows one page at a time in a frame.

Of two 16-bit numbers that follow each other, the high bytes are more alike than the low ones. So
all even bytes of a weight file come first and all odd ones after them, which compresses better.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from project_address import address  # noqa: E402

LIMIT = 1_500_000  # bytes of the file
TYPES = {".html", ".js", ".css", ".png", ".safetensors"}
CHAPTER = re.compile(r'href="\.\./notebooks/(\w+)\.html"')
IMPORT = re.compile(r'((?:from|import)\s*\(?\s*)"\./(\w+\.js)"')
ONLINE = ("emoji.safetensors", "emoji.png")  # they would take the file beyond its limit
SUBJECTS = re.compile(r'<fieldset id="subjects">.*?</fieldset>', re.DOTALL)  # the choice of them
DOWNLOAD = re.compile(r'<p id="offline".*?</p>', re.DOTALL)  # of this very file
STYLE = '<link rel="stylesheet" href="live.css">'
SCRIPT = re.compile(r'<script type="module" src="js/(\w+\.js)"></script>')
ESCAPED = b"\0\r\n<="  # what an HTML parser changes, the end of a script, and the mark itself

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="windows-1252">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>From Pixels to Codes, live</title>
<link rel="icon" href="data:,">
<style>
html, body { height: 100%; margin: 0; color-scheme: light dark; }
iframe { display: block; width: 100%; height: 100%; border: 0; }
p { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; }
</style>
</head>
<body>
<p id="wait" role="status">Unpacking the models. This takes a current browser with JavaScript.</p>
<script type="text/plain" id="packed">PACKED</script>
<script type="module">LOADER</script>
</body>
</html>
"""


class OfflineError(SystemExit):
    """The file cannot be made; the message says what to do."""


def read(folder: Path) -> dict[str, bytes]:
    """Every file that the pages are made of, by its path in the folder."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES and path.name not in ("offline.js", *ONLINE)
    }
    if not any(name.endswith(".safetensors") for name in found):
        raise OfflineError(
            f"{folder} holds no weights. First run: python site/live/build.py {folder / 'models'}"
        )
    return found


def page(html: str, files: dict[str, bytes], repository: str) -> str:
    """A page that takes its style and pictures from itself, its modules from an import map."""
    if STYLE not in html or not SCRIPT.search(html):
        raise OfflineError(f"A page links its style by {STYLE} and its module by js/NAME.js.")
    html = html.replace(STYLE, f"<style>{files['live.css'].decode()}</style>")
    html = SUBJECTS.sub("", DOWNLOAD.sub("", html))
    html = SCRIPT.sub(r'<script type="module">import "live/\1";</script>', html)
    for name, content in files.items():
        if name.endswith(".png"):
            inlined = f"data:image/png;base64,{base64.b64encode(content).decode()}"
            html = html.replace(f'src="{name}"', f'src="{inlined}"')
    target = rf'target="_blank" rel="noopener" href="{repository}/blob/main/notebooks/\1.ipynb"'
    return CHAPTER.sub(target, html)


def module(source: str) -> str:
    """A module whose imports are names of the import map: a data: address has no folder."""
    return IMPORT.sub(r'\1"live/\2"', source)


def planes(content: bytes) -> bytes:
    """The even bytes, then the odd ones."""
    return content[::2] + content[1::2]


def packed(files: dict[str, bytes], repository: str) -> bytes:
    """All of it, compressed: a line of JSON with names and sizes, then the contents."""
    contents = {}
    for name, content in files.items():
        if name.endswith(".html"):
            html = page(content.decode(), files, repository)
            contents[name.removesuffix(".html")] = html.encode()
        elif name.endswith(".js"):
            contents[name.replace("js/", "live/")] = module(content.decode()).encode()
        elif name.endswith(".safetensors"):
            contents[name] = planes(content)
    sizes = [[name, len(content)] for name, content in contents.items()]
    head = json.dumps(sizes).encode() + b"\n"
    return zlib.compress(head + b"".join(contents.values()), 9)


def as_text(content: bytes) -> bytes:
    """Bytes that stand in an HTML file of windows-1252 and come out of a parser unchanged."""
    parts = []
    for byte in content:
        parts.append(bytes([61, (byte + 64) % 256]) if byte in ESCAPED else bytes([byte]))
    return b"".join(parts)


def offline(folder: Path) -> bytes:
    """The whole file."""
    loader = (Path(__file__).parent / "js" / "offline.js").read_text(encoding="utf-8")
    before, after = PAGE.replace("LOADER", checked(loader)).encode("ascii").split(b"PACKED")
    made = before + as_text(packed(read(folder), address())) + after
    if len(made) > LIMIT:
        raise OfflineError(f"The file would have {len(made):,} bytes, more than {LIMIT:,}.")
    return made


def checked(loader: str) -> str:
    """The loader, if it can stand in the page as it is."""
    if "</script" in loader or not loader.isascii():
        raise OfflineError("js/offline.js must be ASCII and must not end its own script.")
    return "\n" + loader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the live pages, with their models/")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    content = offline(options.folder)
    options.out.write_bytes(content)
    print(f"{options.out}  {len(content) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
