"""Picture files below a folder, each turned upright, laid on white, made square and small.

Pillow decodes them: PNG, JPEG, WebP, BMP, the first frame of a GIF; palettes, grey, 16 bits, CMYK.
"""

import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
NOT_READ = (".heic", ".heif", ".avif", ".tif", ".tiff", ".svg", ".raw", ".cr2", ".nef", ".dng")
MOST_FILE_BYTES, MOST_PIXELS = 200 * 2**20, 2**27


def find_pictures(folder: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """(pictures by their endings, sorted; files that are skipped unread, with the reason).

    Hidden files are not looked at. Links are followed; a folder is entered once, so that a link to
    a folder above ends. Of two paths to one file the first counts.
    """
    files, skipped, seen = [], [], set()
    for place in sorted(_walk(folder, set())):
        ending, told = place.suffix.lower(), place.relative_to(folder)
        if ending in NOT_READ:
            skipped.append((told, f"{ending[1:]} is not read: save it as PNG or JPEG"))
        elif ending in ENDINGS:
            try:
                facts = place.stat()
            except OSError as error:
                skipped.append((told, reason_of(error)))
                continue
            identity = (facts.st_dev, facts.st_ino) if facts.st_ino else place.resolve()
            if not stat.S_ISREG(facts.st_mode):
                skipped.append((told, "it is no file"))
            elif facts.st_size > MOST_FILE_BYTES:
                skipped.append((told, f"it has {facts.st_size / 2**20:,.0f} MiB"))
            elif identity not in seen:
                seen.add(identity)
                files.append(place)
    return files, skipped


def _walk(folder: Path, entered: set[Path]) -> Iterator[Path]:
    """All files below a folder but hidden ones; each real folder is entered once."""
    real = folder.resolve()
    if real in entered:
        return
    entered.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return  # a folder that may not be read
    for entry in entries:
        if not entry.name.startswith("."):
            if entry.is_dir():
                yield from _walk(Path(entry.path), entered)
            else:
                yield Path(entry.path)


def read_picture(
    file: Path, *, side: int, colors: int = 3, fit: Literal["crop", "pad"] = "crop"
) -> np.ndarray:
    """(colors, side, side) uint8: the picture upright, on white, square and small.

    Raises what Pillow raises for a damaged file, ValueError for one of too many pixels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, which is not used
        with Image.open(file) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}x{image.height} pixels")
            if fit == "crop":
                image.draft("RGB", (2 * side, 2 * side))  # JPEG: decode no more than is needed
            flat = on_white(ImageOps.exif_transpose(image))
    size, resample = (side, side), Image.Resampling.LANCZOS
    if fit == "crop":
        small = ImageOps.fit(flat, size, resample)
    else:
        small = ImageOps.pad(flat, size, resample, color="white")
    array = np.asarray(small.convert("L" if colors == 1 else "RGB"))
    return array[None] if colors == 1 else array.transpose(2, 0, 1)


def on_white(image: Image.Image) -> Image.Image:
    """The picture in RGB, 8 bits a colour, whatever it was; white shows through where it is clear.

    >>> on_white(Image.new("RGBA", (1, 1), (0, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    """
    if image.mode.startswith(("I", "F")):  # 16 bits of grey, or numbers without a known range
        values = np.asarray(image, dtype=np.float64)
        top = 65535 if values.max() > 255 else 255
        image = Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        image = Image.alpha_composite(white, clear)
    return image.convert("RGB")


def reason_of(error: Exception) -> str:
    """Why a picture was not read, in words for its owner."""
    if isinstance(error, UnidentifiedImageError):
        return "not a picture, or damaged"
    if isinstance(error, Image.DecompressionBombError):
        return "it has too many pixels"
    if isinstance(error, PermissionError):
        return "it may not be read"
    if isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    return str(error) or type(error).__name__
