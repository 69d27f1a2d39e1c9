"""Calls of tutorial_lib.data: data sets by name, splits, and the readers of file formats."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tempfile
import wave
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from inventory_training import dataset, pictures
from kinds import (
    Kind,
    also,
    but,
    choice,
    count,
    flag,
    floats,
    mutation,
    name,
    optional,
    path,
    ranged,
    seed,
    symbols,
    thing,
)
from named import call
from PIL import Image

from tutorial_lib import data
from tutorial_lib.data import ImageDataset, Split, image_files, spoken_digits

SAMPLE = "fashion-mnist-sample"
NAME = but(name(SAMPLE), says=("data set", "name"))
MADE = {"progress": flag(False)}
SETS = [
    call("data.loading.load", ImageDataset, {"name": NAME, **MADE}),
    call("data.loading.fetch", list, {"name": NAME, **MADE}),
    call("data.loading.load_if_here", ImageDataset, {"name": NAME}),
    call("data.catalog.describe", data.DatasetInfo, {"name": NAME}),
    call("data.commands.fetch_dataset", type(None), {"name": NAME, **MADE}),
    call(
        "data.commands.show_dataset",
        Path,
        {"name": NAME, "out": optional(path(lambda: Path("sheet.png")))},
    ),
]

EMOJI = [
    call("data.emoji.names_in", list, {"split": choice("test", "tests")}),
    call("data.emoji.styles", (4,), {"n": count(4, at_least=0)}),
    call(
        "data.emoji.with_styles",
        ImageDataset,
        {"emoji": also(thing(lambda: data.load("emoji")), "other groups", dataset)},
    ),
]


@lru_cache(None)
def _folder() -> Path:
    """Ten pictures in a folder that stays for the whole run."""
    place = Path(tempfile.mkdtemp())
    for i in range(10):
        pixels = np.random.default_rng(i).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.png")
    return place


OWN = [
    call(
        "data.own_pictures.from_folder",
        ImageDataset,
        {
            "path": also(path(_folder), "not there", lambda: _folder() / "missing"),
            "side": count(4),
            "colors": choice(3, 2, 4),
            "n_levels": also(count(4, at_least=2), "no divisor", 3, 257),
            "seed": seed(),
            "fit": choice("crop", "stretch"),
            "progress": flag(False),
        },
    ),
]

LEVELS = but(symbols((6, 1, 4, 4), 3, pinned=(0,), dtype=torch.uint8), "too high")
LABELS = but(symbols((6,), 3, pinned=(0,)), "too low", "too high")
SPLIT = thing(pictures)
OTHER = thing(lambda: pictures(4))
LOUD = also(
    OTHER,
    "levels too high",
    lambda: Split(torch.full((2, 1, 4, 4), 3).byte(), torch.zeros(2).long()),
)
STRANGE = also(
    LOUD, "labels too high", lambda: Split(torch.zeros(2, 1, 4, 4).byte(), torch.full((2,), 3))
)
STRANGE = also(
    STRANGE, "other sizes", lambda: Split(torch.zeros(2, 1, 4, 5).byte(), torch.zeros(2).long())
)
SPLITS = [
    call(
        "data.dataset.Split",
        Split,
        {"levels": but(LEVELS, "an axis more", "an axis less"), "labels": LABELS},
    ),
    call(
        "data.dataset.Split.subset",
        Split,
        {"n": also(count(3, at_least=0), "too many", 99), "seed": seed()},
        of=lambda: pictures().subset,
    ),
    call(
        "data.dataset.ImageDataset",
        ImageDataset,
        {
            "name": choice("dots")._replace(wrong=(mutation("no text", None, 3, True),)),
            "train": STRANGE,
            "valid": STRANGE,
            "test": STRANGE,
            "n_levels": count(3, at_least=2),
            "class_names": but(
                also(
                    thing(lambda: ("a", "b", "c")),
                    "no names",
                    "abc",
                    3,
                    ("a", "b", 3),
                    ["a", "b", "c"],
                )
            ),
        },
    ),
    call(
        "data.dataset.ImageDataset.with_n_levels",
        ImageDataset,
        {"n_levels": also(count(3, at_least=2), "no divisor", 2, 4, 6)},
        of=lambda: dataset().with_n_levels,
    ),
    call(
        "data.dataset.hold_out_last",
        tuple,
        {"pool": SPLIT, "n_valid": also(count(3, at_least=0), "too many", 99)},
    ),
    call("data.contact_sheet.contact_sheet", object, {"dataset": thing(dataset)}),
    call(
        "data.contact_sheet.example_rows", list, {"dataset": thing(dataset), "n_columns": count(2)}
    ),
]


def content(make, *damaged) -> Kind:
    """The bytes of a file, cut short, empty or something else."""
    no_bytes = mutation("no bytes", "text", 3, lambda: [1, 2], lambda: np.zeros(3), Path("file"))
    cut = mutation("cut short", lambda: make()[:7], lambda: make()[: len(make()) // 2])
    return Kind(make, (no_bytes, cut, mutation("None", None), *damaged))


def _idx(*shape: int) -> bytes:
    header = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return header + bytes(int(np.prod(shape)))


@lru_cache(None)
def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for member in [*image_files.TRAIN_MEMBERS, image_files.TEST_MEMBER]:
            entry = tarfile.TarInfo(member)
            entry.size = image_files.RECORD_BYTES
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return file.getvalue()


@lru_cache(None)
def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(spoken_digits.SAMPLE_RATE_HZ)
        sound.writeframes(bytes(40))
    return file.getvalue()


@lru_cache(None)
def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in (0, 5, 10):
            archive.writestr(f"fsdd/recordings/7_ann_{number}.wav", _wav())
    return file.getvalue()


def _says(kind: Kind, *words: str) -> Kind:
    return but(kind, says=words)


FILE = ("file", "bytes", "gz")
FORMATS = [
    call(
        "data.archives.gunzip",
        bytes,
        {"raw": _says(content(lambda: gzip.compress(b"abc" * 9)), "raw", *FILE)},
    ),
    call(
        "data.archives.read_tar_members",
        list,
        {
            "raw": _says(content(_tar), "raw", *FILE),
            "names": Kind(
                lambda: [image_files.TEST_MEMBER],
                (mutation("no names", "text", 3, lambda: torch.ones(2), None),),
            ),
        },
    ),
    call(
        "data.archives.read_zip_members",
        dict,
        {
            "raw": _says(content(_zip), "raw", *FILE),
            "pattern": choice("*.wav")._replace(wrong=(mutation("no pattern", None, 3),)),
        },
    ),
    call(
        "data.image_files.parse_idx",
        (2, 3),
        {"payload": _says(content(lambda: _idx(2, 3)), "payload", "IDX"), "n_dims": count(2)},
    ),
    call(
        "data.image_files.read_idx_pair",
        Split,
        {
            "images_gz": _says(content(lambda: gzip.compress(_idx(2, 3, 3))), "images_gz", *FILE),
            "labels_gz": _says(content(lambda: gzip.compress(_idx(2))), "labels_gz", *FILE),
        },
    ),
    call(
        "data.image_files.parse_amat",
        Split,
        {
            "text": _says(content(lambda: b"0 1 1 0\n"), "text", "bytes", "line"),
            "height": count(2),
            "width": count(2),
        },
    ),
    call(
        "data.image_files.parse_cifar",
        Split,
        {"records": _says(content(lambda: bytes(image_files.RECORD_BYTES)), "records", "bytes")},
    ),
    call("data.image_files.read_cifar", list, {"archive": _says(content(_tar), "archive", *FILE)}),
    call(
        "data.spoken_digits.read_wav",
        (20,),
        {
            "content": _says(content(_wav), "content", "clip.wav"),
            "name": choice("clip.wav")._replace(wrong=(mutation("no text", None, 3),)),
        },
    ),
    call(
        "data.spoken_digits.read_recordings",
        list,
        {"archive": _says(content(_zip), "archive", *FILE)},
    ),
    call(
        "data.spoken_digits.read_spoken_digits",
        tuple,
        {"archive": _says(content(_zip), "archive", *FILE), "n_samples": count(30)},
    ),
    call(
        "data.spoken_digits.fixed_length",
        Split,
        {
            "recordings": Kind(
                lambda: spoken_digits.read_recordings(_zip()),
                (mutation("no recordings", "text", 3, lambda: [3], lambda: torch.ones(2), None),),
            ),
            "n_samples": count(30),
        },
    ),
    call(
        "data.mu_law.encode",
        (5,),
        {"pressure": ranged(floats((5,), any_axes=True, alone=True), below=-1.5, above=1.5)},
    ),
    call(
        "data.mu_law.decode",
        (5,),
        {"levels": symbols((5,), 256, any_axes=True, alone=True, dtype=torch.uint8)},
    ),
    call(
        "data.voiced_tones.speaker_labels",
        (7,),
        {"n_examples": count(7, at_least=0)},
    ),
    call(
        "data.bouncing_garments.halved",
        (2, 2, 3),
        {
            "images": Kind(
                lambda: np.zeros((2, 4, 6), np.uint8),
                (
                    mutation(
                        "no array", None, "text", 3, lambda: [[1]], lambda: torch.zeros(2, 4, 6)
                    ),
                    mutation(
                        "another dtype",
                        lambda: np.zeros((2, 4, 6)),
                        lambda: np.zeros((2, 4, 6), int),
                    ),
                    mutation("odd sides", lambda: np.zeros((2, 3, 6), np.uint8)),
                    mutation("an axis less", lambda: np.zeros((4, 6), np.uint8)),
                ),
            )
        },
    ),
    call(
        "data.bouncing_garments.bounced",
        (3,),
        {
            "position": Kind(
                lambda: np.array([0, 5, 9]),
                (mutation("no array", None, "text", 3, lambda: [1, 2], lambda: torch.zeros(3)),),
            ),
            "room": count(4),
        },
    ),
]

DATA = [*SETS, *EMOJI, *OWN, *SPLITS, *FORMATS]
