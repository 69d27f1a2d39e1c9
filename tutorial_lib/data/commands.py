"""What `python -m tutorial_lib data list | fetch NAME | show NAME` prints.

Each command is a function that prints plain text; errors are those of `load`, which the command
line shows. The list is printed without torch.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from tutorial_lib.contracts.plain import require_path
from tutorial_lib.data.cache import cache_dir
from tutorial_lib.data.catalog import SPLITS
from tutorial_lib.data.description import DatasetInfo, describe, names

MEGABYTE = 1e6
TEXT_WIDTH = 88


def list_datasets() -> None:
    """Print one line for each data set: splits, shape, levels, download, licence, whereabouts."""
    header = ["name", "kind", "labels", *SPLITS, "shape", "levels", "download", "licence", "here"]
    infos = [describe(name) for name in names()]
    print(_table([header, *map(_list_row, infos)], right={2, 3, 4, 5, 7, 8}))
    print(f"\nDownloads are kept in {cache_dir()} (TUTORIAL_DATA_DIR names another folder).")
    print("`train`, `reconstruct` and `encode` take images; chapter 12 has the sounds and clips.")


def fetch_dataset(name: str, *, progress: bool = True) -> None:
    """Bring the files of a data set into the cache, verify them, and print their paths."""
    was_here = describe(name).cached
    from tutorial_lib.data.loading import fetch

    paths = fetch(name, progress=progress)
    if not paths:
        print(f"{name} is made whenever it is loaded; there is nothing to download.")
        return
    if describe(name).embedded:
        print(f"{name} is part of the package; nothing to download. Verified:")
    else:
        print(f"{name}: {'already here' if was_here else 'fetched'}, and verified:")
    print(_table([[f"  {_size(path.stat().st_size)}", str(path)] for path in paths], right={0}))


def show_dataset(name: str, out: Path | None = None) -> Path | None:
    """Print what is known of a data set; of one that is here, draw examples as a PNG.

    Nothing is downloaded: of a set that is not here, no picture is made, and None is returned.
    out: the picture's path; NAME.png in the current folder if left out.
    """
    info = describe(name)
    path = Path(f"{name}.png") if out is None else require_path("out", out)
    print(f"{info.title} ({name})\n")
    print(_facts(info))
    print()
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
    download = "-" if info.embedded else _size(info.download_bytes)
    shape = "x".join(map(str, info.shapes["train"][1:]))
    labels = str(len(info.class_names) or "none")
    facts = [shape, str(info.n_levels), download, info.licence, _whereabouts(info)]
    return [info.name, info.kind, labels, *_sizes(info), *facts]


def _sizes(info: DatasetInfo) -> list[str]:
    return [f"{shape[0]:,}" for shape in info.shapes.values()]


def _whereabouts(info: DatasetInfo) -> str:
    if info.embedded:
        return "made on loading" if info.generated else "in the package"
    return "in the cache" if info.cached else "no"


def _facts(info: DatasetInfo) -> str:
    facts = {
        "licence": info.licence,
        "by": info.attribution,
        "from": info.source,
        "shape": "x".join(map(str, info.shapes["train"][1:])),
        "levels": f"{info.n_levels} (0 to {info.n_levels - 1})",
        "classes": ", ".join(info.class_names) or "none",
        "note": info.note,
    }
    return "\n".join(
        textwrap.fill(
            fact,
            TEXT_WIDTH,
            initial_indent=f"{label:9}",
            subsequent_indent=" " * 9,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, fact in facts.items()
    )


def _split_table(dataset: Any) -> str:
    """A row of sizes, then one row for each class: how many examples of it each split holds."""
    splits = dataset.splits()
    rows = [["", *splits], ["examples", *(f"{len(split):,}" for split in splits.values())]]
    n_classes = len(dataset.class_names)
    if not n_classes:
        return _table([*rows, ["labels", "none", "none", "none"]], right={1, 2, 3})
    import torch

    counts = [torch.bincount(split.labels, minlength=n_classes) for split in splits.values()]
    for label, class_name in enumerate(dataset.class_names):
        row_name = class_name if class_name == str(label) else f"{label} {class_name}"
        rows.append([row_name, *(f"{int(count[label]):,}" for count in counts)])
    return _table(rows, right={1, 2, 3})


def _table(rows: list[list[str]], *, right: set[int]) -> str:
    """Columns two spaces apart; those whose number is in `right` are aligned to the right."""
    n_columns = max(map(len, rows))
    full = [row + [""] * (n_columns - len(row)) for row in rows]
    widths = [max(len(row[column]) for row in full) for column in range(n_columns)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in full
    )


def _size(n_bytes: int) -> str:
    return f"{n_bytes / MEGABYTE:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"
