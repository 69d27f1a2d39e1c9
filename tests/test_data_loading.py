"""Every data set loads from small files of its format, served from the loopback address."""

import gzip
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from loopback_server import LoopbackServer, Page, closed_port_url
from small_data_sets import EMBEDDED, IMAGES, LABELS, PACKAGED, SMALL, small_entry

from tutorial_lib import data
from tutorial_lib.data.catalog import CATALOG, SAMPLE


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TUTORIAL_DATA_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


@pytest.fixture(params=SMALL)
def served(request, server, monkeypatch):
    """The name of a data set whose small files the server has."""
    contents, n_examples = SMALL[request.param]
    monkeypatch.setitem(CATALOG, request.param, small_entry(request.param, server.url))
    for place, content in enumerate(contents):
        server.pages[f"/{request.param}/{place}"] = Page(content)
    return request.param


@pytest.fixture(params=SMALL)
def offline(request, monkeypatch):
    """The name of a data set whose addresses do not answer."""
    contents, n_examples = SMALL[request.param]
    monkeypatch.setitem(CATALOG, request.param, small_entry(request.param, closed_port_url))
    return request.param


def test_every_data_set_but_the_embedded_ones_is_tested_here():
    assert {*SMALL, *EMBEDDED} == set(data.names())


def test_a_data_set_is_downloaded_once_then_read_from_the_cache(served, server):
    n_files = len(SMALL[served][0])
    assert not data.describe(served).cached
    first = data.load(served, progress=False)
    assert data.describe(served).cached
    again = data.load(served, progress=False)
    assert len(server.requests) == n_files
    assert tuple(map(len, first.splits().values())) == SMALL[served][1]
    for one, other in zip(first.splits().values(), again.splits().values(), strict=True):
        assert torch.equal(one.levels, other.levels) and torch.equal(one.labels, other.labels)
        assert one.levels.shape[1:] == data.describe(served).shapes["train"][1:]


def test_no_example_is_in_two_splits(served):
    splits = data.load(served, progress=False).splits().values()
    images = [
        split.levels[position].numpy().tobytes()
        for split in splits
        for position in range(len(split))
    ]
    assert len(set(images)) == len(images) == sum(SMALL[served][1])


def test_images_and_labels_come_out_as_they_were_written(server, monkeypatch):
    contents, n_examples = SMALL["mnist"]
    monkeypatch.setitem(CATALOG, "mnist", small_entry("mnist", server.url, contents))
    server.pages.update({f"/mnist/{place}": Page(body) for place, body in enumerate(contents)})
    splits = data.load("mnist", progress=False).splits().values()
    together = torch.cat([split.levels for split in splits])[:, 0]
    assert torch.equal(together, torch.from_numpy(IMAGES.astype(np.uint8)))
    assert torch.cat([split.labels for split in splits]).tolist() == LABELS.tolist()


def test_fetch_returns_the_verified_files(served, empty_cache):
    paths = data.fetch(served, progress=False)
    assert [path.read_bytes() for path in paths] == SMALL[served][0]
    assert all(path.is_relative_to(empty_cache) for path in paths)


def test_a_failing_server_leaves_no_file_that_a_later_load_would_trust(served, server, empty_cache):
    last = f"/{served}/{len(SMALL[served][0]) - 1}"
    good = server.pages[last]
    server.pages[last] = Page(good.body[: len(good.body) // 2], promised=len(good.body))
    with pytest.raises(data.DataUnavailable, match="the connection broke"):
        data.load(served, progress=False)
    kept = [path for path in empty_cache.rglob("*") if path.is_file()]
    assert len(kept) == len(SMALL[served][0]) - 1  # the files before it were whole
    server.pages[last] = good
    assert len(data.load(served, progress=False).train) == SMALL[served][1][0]


def test_without_network_the_embedded_sample_is_named_and_works(offline):
    with pytest.raises(data.DataUnavailable, match="there is no network connection") as caught:
        data.load(offline, progress=False)
    substitute = "voiced-tones" if offline == "spoken-digits" else "fashion-mnist-sample"
    assert f'data.load("{substitute}") always works' in str(caught.value)
    for file in CATALOG[offline].files:
        assert file.urls[0] in str(caught.value)
    sizes = {"fashion-mnist-sample": 9_000, "voiced-tones": 2_400}
    assert len(data.load(substitute).train) == sizes[substitute]


def test_a_file_with_a_wrong_magic_number_is_refused_even_if_its_checksum_is_right(
    server, monkeypatch
):
    images, labels, *test = SMALL["mnist"][0]
    labels_first = [labels, images, *test]
    monkeypatch.setitem(CATALOG, "mnist", small_entry("mnist", server.url, labels_first))
    server.pages.update({f"/mnist/{place}": Page(body) for place, body in enumerate(labels_first)})
    with pytest.raises(data.DataFormatError, match="00 00 08 01, expected 00 00 08 03"):
        data.load("mnist", progress=False)


def test_a_wrong_magic_number_in_a_download_is_not_kept(served, server, empty_cache):
    first = f"/{served}/0"
    server.pages[first] = Page(gzip.compress(b"\x00\x00\x0d\x03" + bytes(40)))
    with pytest.raises(data.DataUnavailable, match="wrong checksum|damaged zip"):
        data.load(served, progress=False)
    assert [path for path in empty_cache.rglob("*") if path.is_file()] == []


def test_a_split_of_another_size_is_refused(served, monkeypatch):
    entry = CATALOG[served]
    n_train, n_valid, n_test = entry.n_examples
    changed = replace(entry, n_examples=(n_train, n_valid, n_test + 1))
    monkeypatch.setitem(CATALOG, served, changed)
    with pytest.raises(data.DataFormatError, match=f"{served}: the test split has shape"):
        data.load(served, progress=False)


@pytest.mark.parametrize("call", [data.load, data.fetch, data.describe])
def test_an_unknown_name_is_answered_with_the_names_and_the_nearest(call):
    with pytest.raises(ValueError, match="no data set 'Fashion_MNIST'") as caught:
        call("Fashion_MNIST")
    assert "Did you mean 'fashion-mnist'?" in str(caught.value)
    assert all(name in str(caught.value) for name in data.names())
    with pytest.raises(ValueError) as caught:
        call("qqqq")
    assert "Did you mean" not in str(caught.value)


def test_the_catalog_states_what_the_design_promises():
    assert data.names()[0] == "fashion-mnist-sample"
    sizes = {
        name: [shape[0] for shape in data.describe(name).shapes.values()] for name in data.names()
    }
    assert sizes == {
        "fashion-mnist-sample": [9_000, 1_000, 2_000],
        "emoji": [3_068, 372, 372],
        "fashion-mnist": [55_000, 5_000, 10_000],
        "binarized-mnist": [50_000, 10_000, 10_000],
        "mnist": [55_000, 5_000, 10_000],
        "cifar10": [45_000, 5_000, 10_000],
        "spoken-digits": [2_400, 300, 300],
        "voiced-tones": [2_400, 300, 300],
        "bouncing-garments": [2_400, 300, 300],
    }
    for name in data.names():
        info = data.describe(name)
        assert info.title and info.licence and info.attribution and info.note
        assert info.source.startswith(("http", "made by tutorial_lib"))
        assert info.embedded == (name in EMBEDDED)
        assert info.generated == (name in EMBEDDED and name not in PACKAGED)
        assert (info.download_bytes > 0) != info.embedded


def test_what_the_catalog_says_of_the_made_sets_is_what_their_modules_say():
    from tutorial_lib.data import bouncing_garments, mu_law, spoken_digits, voiced_tones

    assert data.describe(voiced_tones.NAME).class_names == voiced_tones.WORDS
    assert data.names()[0] == SAMPLE
    sound = (1, spoken_digits.N_SAMPLES)
    assert data.describe("spoken-digits").shapes["train"][1:] == sound
    assert data.describe("spoken-digits").n_levels == mu_law.N_LEVELS
    clips = data.describe(bouncing_garments.NAME).shapes
    side = bouncing_garments.SIDE
    assert tuple(shape[0] for shape in clips.values()) == bouncing_garments.N_CLIPS
    assert clips["train"][1:] == (1, bouncing_garments.N_FRAMES, side, side)


def test_the_files_of_each_data_set_lie_in_a_folder_of_their_own():
    for name, entry in CATALOG.items():
        assert {os.path.dirname(file.filename) for file in entry.files} <= {name}


def test_every_file_has_a_place_of_its_own_and_a_sha256():
    files = [file for entry in CATALOG.values() for file in entry.files]
    assert len({file.filename for file in files}) == len(files) == 4 + 4 + 3 + 1 + 1
    for file in files:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert ".." not in file.filename and not file.filename.startswith("/")
        assert file.urls and all(url.startswith(("http://", "https://")) for url in file.urls)
        assert file.n_bytes > 0


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    assert data.cache_dir() == tmp_path / "cache"
    monkeypatch.setenv("TUTORIAL_DATA_DIR", os.path.join("~", "pixels"))
    assert data.cache_dir().is_absolute() and data.cache_dir().name == "pixels"
    monkeypatch.setenv("TUTORIAL_DATA_DIR", "  ")
    assert data.cache_dir().name == "tutorial_lib"
    monkeypatch.delenv("TUTORIAL_DATA_DIR")
    assert data.cache_dir().name == "tutorial_lib"
    assert not (tmp_path / "cache").exists()  # naming the folder does not make it
