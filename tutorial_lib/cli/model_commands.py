"""The commands that draw from a model that is trained: sample, reconstruct, encode, decode."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from tutorial_lib.cli.options import free_place, maybe
from tutorial_lib.cli.source import Source, source_of_run
from tutorial_lib.codes.run_facts import RunFacts, label_named
from tutorial_lib.contracts import Count, Positive, Seed, did_you_mean, png, that
from tutorial_lib.files import file_named
from tutorial_lib.recipes import weights_shelf

DEFAULT_WEIGHTS = "two-stage-fashion-mnist"
Split = Literal["train", "valid", "test"]
Run = maybe(Path, text="Folder of a run of yours.", default="shipped weights are used")
Weights = Annotated[str, arg(help="Name of the shipped weights.")]
Picture = Annotated[Path, png, free_place]


def sample(
    run: Run = None,
    weights: Weights = DEFAULT_WEIGHTS,
    n: Count = 64,
    label: maybe(str) = None,
    out: Picture = Path("samples.png"),
    shape: maybe(str) = None,
    temperature: Positive = 1.0,
    pixels: Literal["mean", "sample"] = "mean",
    seed: Seed = 0,
) -> None:
    """Draw new images into a PNG grid.

    Args:
        n: Images in a grid.
        label: Class to draw, by name or number; "all" writes a grid for each class; without it, a
            row for each class.
        out: PNG to write; with --label all, the class is added to its name.
        shape: Height and width, as 28x28; default: those of the images it was trained on.
        temperature: Of the prior; 1 is the model, lower is safer.
        pixels: The decoder's mean image, or a true draw of every pixel.
        seed: Of the draw.
    """
    size = None if shape is None else _sides(shape)
    label = "all" if label is not None and label.lower() == "all" else label
    of_pixels = run is not None and (run / "weights.safetensors").is_file()
    file = "weights.safetensors" if of_pixels else "two-stage.safetensors"
    facts = _told_facts(run, weights, file)
    if facts is not None and label not in (None, "all"):
        label_named(label, len(facts.class_names), facts.class_names)
    from tutorial_lib.recipes.sample_sheets import write_sample_grids

    model = _two_stage(run, weights) if not of_pixels else _over_pixels(run / file)
    if model.facts is None and size is None:
        raise ValueError(
            f"the weights in {run} do not say the shape of their images: add --shape HEIGHTxWIDTH"
        )
    if label not in (None, "all"):
        names = model.facts.class_names if model.facts else ()
        label = label_named(label, model.n_classes, names)
    options = {"temperature": temperature, "pixels": pixels, "seed": seed, "shape": size}
    for path in write_sample_grids(model, n=n, label=label, out=out, **options):
        print(f"Wrote {path}.")


def reconstruct(
    run: Run = None,
    weights: Weights = DEFAULT_WEIGHTS,
    dataset: maybe(str) = None,
    images: maybe(Path) = None,
    split: Split = "test",
    n: Count = 8,
    out: Picture = Path("reconstructions.png"),
) -> None:
    """Draw images, their reconstructions and their codes into a PNG.

    Args:
        dataset: Name of the data set; default: the one it was trained on, or its sample.
        images: Folder of your own pictures, in the place of a data set.
        split: Part of the data set.
        n: How many of its images, from the first on.
        out: PNG to write. Three rows for every eight images: original, reconstruction, codes.
    """
    source = _source(dataset, images, _told_facts(run, weights, "vqvae.safetensors"))
    from tutorial_lib.recipes.code_files import reconstruction_sheet
    from tutorial_lib.recipes.sample_sheets import write_png

    vqvae = _vqvae(run, weights)
    (levels, _), facts = _examples(source, split, n, vqvae)
    write_png(out, reconstruction_sheet(vqvae, levels, n_columns=min(8, n)))
    print(f"Wrote {out}: {len(levels)} images of {facts.dataset}, {split}.")


def encode(
    run: Run = None,
    weights: Weights = DEFAULT_WEIGHTS,
    dataset: maybe(str) = None,
    images: maybe(Path) = None,
    split: Split = "test",
    n: maybe(Count) = None,
    out: Annotated[
        Path,
        that(lambda out: out.suffix == ".safetensors", "end in .safetensors"),
        free_place,
    ] = Path("codes.safetensors"),
) -> None:
    """Turn images into a file of codes.

    Args:
        dataset: Name of the data set; default: the one it was trained on, or its sample.
        images: Folder of your own pictures, in the place of a data set.
        split: Part of the data set.
        n: How many of its images, from the first on; default: all.
        out: File to write, NAME.safetensors.
    """
    source = _source(dataset, images, _told_facts(run, weights, "vqvae.safetensors"))
    import math

    from tutorial_lib.recipes.code_files import write_codes

    vqvae = _vqvae(run, weights)
    (levels, labels), facts = _examples(source, split, n, vqvae)
    of_weights = str(run.resolve()) if run is not None else weights
    codes = write_codes(out, vqvae, levels, labels, facts, weights=of_weights)
    each = codes.indices[0].numel()
    told = f"{len(levels)} images of {facts.dataset}, {split}"
    print(f"Wrote {out}: {told}, as {each} codes each:")
    before = levels[0].numel() * math.log2(facts.n_levels) / 8
    after = each * math.log2(codes.n_codes) / 8
    print(f"{before:.0f} bytes of levels an image became {after:.0f} bytes of codes.")


def decode(
    codes: Annotated[Positional[Path], arg(metavar="FILE", help="File by `encode`.")],
    run: maybe(Path, text="Folder of the run.", default="as the file says") = None,
    weights: maybe(str, text="Name of shipped weights.", default="as the file says") = None,
    out: Annotated[
        Path,
        that(lambda out: out.suffix.lower() in (".png", ".npz"), "end in .png or .npz"),
        free_place,
    ] = Path("decoded.png"),
) -> None:
    """Turn a file of codes back into images.

    Args:
        out: PNG to write, a grid of the images, or NAME.npz: arrays of levels and labels.
    """
    if weights is not None:
        _require_weights(weights)
    if not codes.is_file():
        raise FileNotFoundError(f"no file {codes}: `python -m tutorial_lib encode` writes one")
    import numpy as np

    from tutorial_lib.data.tiles import tile
    from tutorial_lib.recipes.code_files import decode_codes, read_codes
    from tutorial_lib.recipes.sample_sheets import write_png

    told = read_codes(codes)
    if run is None and weights is None:
        is_shipped = told.weights in weights_shelf.available()
        run, weights = (None, told.weights) if is_shipped else (Path(told.weights), None)
    levels = decode_codes(_vqvae(run, weights or DEFAULT_WEIGHTS), told)
    if out.suffix.lower() == ".npz":
        arrays = {"levels": levels.numpy().astype(np.uint8), "labels": told.labels.numpy()}
        with file_named(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(out, **arrays)
    else:
        columns = round(len(levels) ** 0.5) or 1
        write_png(out, tile(levels, n_columns=columns, n_levels=told.facts.n_levels))
    print(f"Wrote {out}: {len(levels)} images.")


# ------------------------------------------------------------------------------ what they share


def _sides(text: str) -> tuple[int, int]:
    """(height, width) of "28x28"."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise ValueError(f"--shape must be HEIGHTxWIDTH, such as 28x28, got {text!r}")
    return int(sides[0]), int(sides[1])


def _require_weights(name: str) -> None:
    """ValueError unless shipped weights of two stages have this name."""
    names = [each for each in weights_shelf.available() if each.startswith("two-stage")]
    if name not in names:
        known = f"There are: {', '.join(names) or 'none'}."
        raise ValueError(f"no weights named {name!r} here.{did_you_mean(name, names)} {known}")


def _told_facts(run: Path | None, weights: str, file: str) -> RunFacts | None:
    """What the header of a file of weights tells, read without torch; None if it does not."""
    if run is None:
        _require_weights(weights)
        return weights_shelf.told_facts(weights_shelf.shipped_path(weights))
    if not run.is_dir():
        raise FileNotFoundError(
            f"there is no run in {run}: `python -m tutorial_lib train two-stage --out {run}` "
            f"would train one"
        )
    return weights_shelf.told_facts(run / file)


def _two_stage(run: Path | None, weights: str):
    """The two-stage model of a run, or shipped."""
    from tutorial_lib.recipes.pretrained import load_pretrained, load_run

    return load_run(run) if run is not None else load_pretrained(weights)


def _over_pixels(path: Path):
    """The model of pixels in a file of weights."""
    from tutorial_lib.recipes.pretrained import load_weights

    return load_weights(path)


def _vqvae(run: Path | None, weights: str):
    """The VQVAE of a run whose stage one has finished, or of shipped weights, where models run."""
    from tutorial_lib import profiles
    from tutorial_lib.recipes.pretrained import load_stage_one

    if run is not None and (run / "vqvae.safetensors").exists():
        return load_stage_one(run).to(profiles.device())
    return _two_stage(run, weights).vqvae.to(profiles.device())


def _source(dataset: str | None, images: Path | None, facts: RunFacts | None) -> Source:
    """The images that are meant, looked at as far as can be without torch."""
    source = source_of_run(facts, dataset, images)
    source.require(None)
    return source


def _examples(source: Source, split: Split, n: int | None, vqvae):
    """The first n examples of a split, in the levels of the VQVAE, and the facts of the data set.

    ValueError for images that are none for this VQVAE.
    """
    if vqvae.n_levels is None:
        raise ValueError("this VQVAE has a Gaussian decoder: it takes no levels")
    dataset = replace(source, n_levels=vqvae.n_levels).load()
    n_channels, *sides = dataset.facts.shape
    if n_channels != vqvae.in_channels:
        raise ValueError(
            f"the weights take images of {vqvae.in_channels} channels, those of {dataset.name} "
            f"have {n_channels}"
        )
    vqvae.latent_shape(tuple(sides))
    whole = getattr(dataset, split)
    if n is not None and n > len(whole):
        raise ValueError(
            f"--n must be at most {len(whole)}, the {split} images of {dataset.name}, got {n}"
        )
    return whole[:n], dataset.facts
