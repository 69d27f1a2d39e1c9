"""What `python -m tutorial_lib data list | fetch NAME | show NAME` prints.

Each command is a function that prints plain text; errors are those of `load`, which the command
line shows. The list is printed without torch.
"""

import textwrap
from pathlib import Path
from typing import Any

from tutorial_lib.contracts import checked
from tutorial_lib.data.catalog import CATALOG, SPLITS, DatasetInfo, cache_dir, describe

TEXT_WIDTH = 88


def list_datasets() -> None:
    """Print one line for each data set: splits, shape, levels, download, licence, whereabouts."""
    header = ["name", "kind", "labels", *SPLITS, "shape", "levels", "download", "licence", "here"]
    print(_table([header, *map(_list_row, CATALOG.values())], right={2, 3, 4, 5, 7, 8}))
    print(f"\nDownloads are kept in {cache_dir()} (TUTORIAL_DATA_DIR names another folder).")
    print("`train`, `reconstruct` and `encode` take images; chapter 15 has the sounds and clips.")


@checked
def fetch_dataset(name: str, *, progress: bool = True) -> None:
    """Bring the files of a data set into the cache, verify them, and print their paths."""
    info = describe(name)
    state = "already here" if info.cached else "fetched"
    from tutorial_lib.data.loading import fetch

    paths = fetch(name, progress=progress)
    if info.generated:
        print(f"{name} is made whenever it is loaded; there is nothing to download.")
    elif info.embedded:
        print(f"{name} is part of the package; nothing to download. Verified:")
    else:
        print(f"{name}: {state}, and verified:")
    if paths:
        print(_table([[f"  {_size(path.stat().st_size)}", str(path)] for path in paths], right={0}))


@checked
def show_dataset(name: str, out: Path | None = None) -> Path | None:
    """Print what is known of a data set; of one that is here, draw examples as a PNG.

    Nothing is downloaded: of a set that is not here, no picture is made, and None is returned.
    out: the picture's path; NAME.png in the current folder if left out.
    """
    info = describe(name)
    path = out or Path(f"{name}.png")
    print(f"{info.title} ({name})\n\n{_facts(info)}\n")
    from tutorial_lib.data.loading import load_if_here

    dataset = load_if_here(name) if info.embedded or info.cached else None
    if dataset is None:
        print(_table([["", *SPLITS], ["examples", *_sizes(info)]], right={1, 2, 3}))
        print(f"\nIts files are not in {cache_dir()}, so no examples are drawn. To fetch them, run")
        print(f"python -m tutorial_lib data fetch {name}    ({_size(info.download_bytes)})")
        return None
    print(_split_table(dataset))
    from tutorial_lib.data.contact_sheet import contact_sheet

    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(dataset).savefig(path, format="png", dpi=120)
    print(f"\nExamples are drawn in {path}" + ("" if out else " (--out chooses another path)"))
    return path


def _list_row(info: DatasetInfo) -> list[str]:
    download, here = _size(info.download_bytes), "in the cache" if info.cached else "no"
    if info.embedded:
        download, here = "-", "made on loading" if info.generated else "in the package"
    labels = str(len(info.class_names) or "none")
    facts = [_shape(info), str(info.n_levels), download, info.licence, here]
    return [info.name, info.kind, labels, *_sizes(info), *facts]


def _sizes(info: DatasetInfo) -> list[str]:
    return [f"{n:,}" for n in info.n_examples]


def _shape(info: DatasetInfo) -> str:
    return "x".join(map(str, info.example_shape))


def _facts(info: DatasetInfo) -> str:
    facts = {
        "licence": info.licence,
        "by": info.attribution,
        "from": info.source,
        "shape": _shape(info),
        "levels": f"{info.n_levels} (0 to {info.n_levels - 1})",
        "classes": ", ".join(info.class_names) or "none",
        "note": info.note,
    }
    whole = {"break_long_words": False, "break_on_hyphens": False, "subsequent_indent": " " * 9}
    return "\n".join(
        textwrap.fill(fact, TEXT_WIDTH, initial_indent=f"{label:9}", **whole)
        for label, fact in facts.items()
    )


def _split_table(dataset: Any) -> str:
    """A row of sizes, then one row for each class: how many examples of it each split holds."""
    splits = dataset.splits().values()
    rows = [["", *SPLITS], ["examples", *(f"{len(split):,}" for split in splits)]]
    for label, name in enumerate(dataset.class_names):
        counts = [f"{(split.labels == label).sum():,}" for split in splits]
        rows.append([name if name == str(label) else f"{label} {name}", *counts])
    rows += [] if dataset.class_names else [["labels", "none", "none", "none"]]
    return _table(rows, right={1, 2, 3})


def _table(rows: list[list[str]], *, right: set[int]) -> str:
    """Columns two spaces apart; those whose number is in `right` are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if i in right else "<" for i in range(len(widths))]
    line = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return "\n".join(line.format(*row).rstrip() for row in rows)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"
