"""What `python -m tutorial_lib data list | fetch NAME | show NAME` prints.

Each command is a function that prints plain text; errors are those of `load`, which the command
line shows.
"""

import textwrap
from pathlib import Path

import torch

from tutorial_lib.data.cache import cache_dir
from tutorial_lib.data.contact_sheet import contact_sheet
from tutorial_lib.data.dataset import ImageDataset
from tutorial_lib.data.loading import DatasetInfo, describe, fetch, load, names
from tutorial_lib.validation import require_path

MEGABYTE = 1e6
TEXT_WIDTH = 88


def list_datasets() -> None:
    """Print one line for each data set: splits, shape, levels, download, licence, whereabouts."""
    header = ["name", "train", "valid", "test", "shape", "levels", "download", "licence", "here"]
    infos = [describe(name) for name in names()]
    print(_table([header, *map(_list_row, infos)], right={1, 2, 3, 5, 6}))
    print(f"\nDownloads are kept in {cache_dir()} (TUTORIAL_DATA_DIR names another folder).")


def fetch_dataset(name: str, *, progress: bool = True) -> None:
    """Bring the files of a data set into the cache, verify them, and print their paths."""
    was_here = describe(name).cached
    paths = fetch(name, progress=progress)
    if not paths:
        print(f"{name} is made whenever it is loaded; there is nothing to download.")
        return
    if describe(name).embedded:
        print(f"{name} is part of the package; nothing to download. Verified:")
    else:
        print(f"{name}: {'already here' if was_here else 'fetched'}, and verified:")
    print(_table([[f"  {_size(path.stat().st_size)}", str(path)] for path in paths], right={0}))


def show_dataset(name: str, out: Path | None = None, *, progress: bool = True) -> Path:
    """Print the splits and classes of a data set; write examples as a PNG, whose path is returned.

    out: the picture's path; NAME.png in the current folder if left out.
    """
    path = Path(f"{name}.png") if out is None else require_path("out", out)
    dataset, info = load(name, progress=progress), describe(name)
    print(f"{info.title} ({name})\n")
    print(_facts(info))
    print()
    print(_split_table(dataset))
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(dataset).savefig(path, format="png", dpi=120)
    print(f"\nExamples are drawn in {path}" + ("" if out else " (--out chooses another path)"))
    return path


def _list_row(info: DatasetInfo) -> list[str]:
    sizes = [f"{shape[0]:,}" for shape in info.shapes.values()]
    download = "-" if info.embedded else _size(info.download_bytes)
    shape = "x".join(map(str, info.shapes["train"][1:]))
    levels, here = str(info.n_levels), _whereabouts(info)
    return [info.name, *sizes, shape, levels, download, info.licence, here]


def _whereabouts(info: DatasetInfo) -> str:
    if info.embedded:
        return "made on loading" if info.generated else "in the package"
    return "in the cache" if info.cached else "no"


def _facts(info: DatasetInfo) -> str:
    facts = {
        "licence": info.licence,
        "by": info.attribution,
        "from": info.source,
        "levels": f"{info.n_levels} (0 to {info.n_levels - 1})",
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


def _split_table(dataset: ImageDataset) -> str:
    """A row of sizes, then one row for each class: how many examples of it each split holds."""
    splits = dataset.splits()
    rows = [["", *splits], ["examples", *(f"{len(split):,}" for split in splits.values())]]
    n_classes = len(dataset.class_names)
    if not n_classes:
        return _table([*rows, ["labels", "none", "none", "none"]], right={1, 2, 3})
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
