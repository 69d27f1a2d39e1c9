"""Build the site into site/_build/html: `make site`.

    python tools/build_site.py            all of it: pages, live models, links checked
    python tools/build_site.py --serve    the same, then show it at an address of this machine

Nothing is executed but the docstrings' modules, imported. A warning of Sphinx ends the build, and
so does a link that leads nowhere, or a page that would load something from elsewhere.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import npm_packages
import site_links
import site_sources
from project_address import address, pages_address
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
BUILD = SITE / "_build"
HTML = BUILD / "html"


class SiteError(Exception):
    """The site cannot be built; the message says why."""


def build_pages() -> int:
    """Sphinx over the sources; SiteError after warnings, which it has printed. Number of pages."""
    app = Sphinx(
        srcdir=BUILD / "source",
        confdir=SITE,
        outdir=HTML,
        doctreedir=BUILD / "doctrees",
        buildername="html",
        freshenv=True,
        parallel=min(4, os.cpu_count() or 1),
        status=None,
        warning=sys.stderr,
    )
    app.build(force_all=True)  # a page that was not read again would keep its warnings to itself
    if app._warncount:
        raise SiteError(f"{app._warncount} warnings (above), and a warning is an error here.")
    return len(app.env.found_docs)


def make_live_models(source: Path = SITE / "live", target: Path = BUILD / "live") -> Path:
    """The live pages as they are, what they fetch, and all in one file. An empty folder without."""
    shutil.rmtree(target, ignore_errors=True)
    if not source.is_dir():
        target.mkdir(parents=True)
        return target
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for script, *arguments in (
        ("build.py", target / "models"),
        ("offline.py", target, target / site_links.OFFLINE),
    ):
        command = [sys.executable, source / script, *arguments]
        if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
            raise SiteError(f"site/live/{script} failed: its message is above.")
    return target


def build() -> list[str]:
    """Build everything; the lines that say how long it took and how much it is."""
    started = time.monotonic()
    packages = npm_packages.fetch(SITE / "package.json", BUILD)
    live = make_live_models()
    site_sources.lay_out(BUILD / "source", packages, live)
    n_pages = build_pages()
    shutil.copytree(live, HTML / "live", dirs_exist_ok=True)
    site_links.finish(HTML, pages_address(address()))
    n_links, problems = site_links.check(HTML)
    if problems:
        raise SiteError("\n".join([*problems, f"{len(problems)} of {n_links} links: see above."]))
    files = [path for path in HTML.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    return [
        f"{n_pages} pages, {len(files)} files, {size:.1f} MB, {n_links} local links, 0 warnings, "
        f"{time.monotonic() - started:.0f} s",
        f"open {HTML.relative_to(ROOT) / 'index.html'}, or `make site ARGS=--serve`",
    ]


def serve(port: int) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", action="store_true", help="show it, on this machine only")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    try:
        print(*build(), sep="\n", flush=True)
    except (SiteError, npm_packages.NpmError, SphinxError) as problem:
        print(f"{problem}", file=sys.stderr)
        return 1
    if options.serve:
        serve(options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
