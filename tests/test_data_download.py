"""Downloads end with a verified file or with nothing, and say why."""

import gzip
import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import pooch
import pytest
from loopback_server import LoopbackServer, Page, closed_port_url
from small_data_files import spoken_digits_zip, zip_bytes

from tutorial_lib.data import DataUnavailable, loading
from tutorial_lib.data.archives import content_sha256
from tutorial_lib.data.catalog import RemoteFile

CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8))
NAME = "levels.bin"


def obtain(files, folder, **options) -> list[bytes]:
    return [content for _, content in loading.obtain(files, folder, **options)]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def remote(*urls: str, content: bytes = CONTENT, filename: str = NAME) -> RemoteFile:
    return RemoteFile(filename, urls, hashlib.sha256(content).hexdigest(), len(content))


def files_in(folder: Path) -> list[str]:
    """Everything below the folder, hidden files too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


BAD_PAGES = {
    "truncated": (Page(CONTENT[:-1000]), "wrong checksum"),
    "wrong checksum": (Page(b"?" + CONTENT[1:]), "wrong checksum"),
    "empty": (Page(b""), "wrong checksum"),
    "gone half-way": (
        Page(CONTENT[: len(CONTENT) // 2], promised=len(CONTENT)),
        "the connection broke before the end",
    ),
    "404": (Page(CONTENT, status=404), "the server answered 404 Not Found"),
    "500": (Page(CONTENT, status=500), "the server answered 500 Internal Server Error"),
}
bad_pages = pytest.mark.parametrize(("page", "reason"), BAD_PAGES.values(), ids=BAD_PAGES.keys())


def test_a_good_download_is_kept_and_not_asked_for_again(server, folder):
    server.pages["/a"] = Page(CONTENT)
    for _ in range(2):
        assert obtain([remote(server.url("/a"))], folder, progress=False) == [CONTENT]
    assert server.requests == ["/a"]
    assert files_in(folder) == [NAME]
    assert (folder / NAME).read_bytes() == CONTENT


@bad_pages
def test_a_bad_download_leaves_nothing_and_names_the_reason(server, folder, page, reason):
    server.pages["/a"] = page
    with pytest.raises(DataUnavailable, match=reason) as caught:
        obtain([remote(server.url("/a"))], folder, progress=False)
    assert server.requests == ["/a"]  # it was really tried
    assert files_in(folder) == []
    assert "there is no network connection" not in str(caught.value)


@bad_pages
def test_the_next_mirror_is_tried_after_a_bad_one(server, folder, page, reason):
    server.pages.update({"/bad": page, "/good": Page(CONTENT)})
    file = remote(server.url("/bad"), server.url("/good"))
    assert obtain([file], folder, progress=False) == [CONTENT]
    assert server.requests == ["/bad", "/good"]
    assert files_in(folder) == [NAME]


def test_without_network_and_cache_the_message_says_what_to_do(folder):
    first, second = closed_port_url("/first"), closed_port_url("/second")
    files = [remote(first, filename="sub/one.bin"), remote(second, filename="two.bin")]
    with pytest.raises(DataUnavailable) as caught:
        obtain(files, folder, progress=False)
    message = str(caught.value)
    assert "there is no network connection" in message
    assert f"{first}  ->  {folder / 'sub/one.bin'}" in message
    assert f"{second}  ->  {folder / 'two.bin'}" in message  # not found out one by one
    assert 'data.load("fashion-mnist-sample")' in message and "TUTORIAL_DATA_DIR" in message
    assert [name for name in files_in(folder) if name != "sub"] == []


def test_a_file_put_into_the_cache_by_hand_needs_no_network(folder):
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    assert obtain([remote(closed_port_url("/a"))], folder, progress=False) == [CONTENT]


DAMAGE = {"flipped bit": bytes([CONTENT[0] ^ 1]) + CONTENT[1:], "cut": CONTENT[:9], "empty": b""}
damaged = pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE.keys())


@damaged
def test_a_file_with_other_content_is_neither_deleted_nor_overwritten(server, folder, content):
    """It may be the user's own: it is named, with both checksums and what to do."""
    server.pages["/a"] = Page(CONTENT)
    folder.mkdir()
    (folder / NAME).write_bytes(content)
    for url in (server.url("/a"), closed_port_url("/a")):
        with pytest.raises(DataUnavailable, match="is left as it is") as caught:
            obtain([remote(url)], folder, progress=False)
        told = str(caught.value)
        assert str(folder / NAME) in told and "TUTORIAL_DATA_DIR" in told and "delete it" in told
        assert all(hashlib.sha256(each).hexdigest() in told for each in (content, CONTENT))
    assert (folder / NAME).read_bytes() == content and files_in(folder) == [NAME]


@damaged
def test_a_file_of_the_user_above_the_data_sets_folder_is_left_alone(server, folder, content):
    server.pages["/a"] = Page(CONTENT)
    folder.mkdir()
    (folder / NAME).write_bytes(content)
    file = remote(server.url("/a"), filename=f"levels/{NAME}")
    assert obtain([file], folder, progress=False) == [CONTENT]
    assert (folder / NAME).read_bytes() == content
    assert (folder / "levels" / NAME).read_bytes() == CONTENT


def test_an_intact_file_in_the_place_of_earlier_versions_is_used_where_it_lies(folder):
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    file = remote(closed_port_url("/a"), filename=f"levels/{NAME}")
    assert loading.obtain([file], folder, progress=False) == [(folder / NAME, CONTENT)]
    assert files_in(folder) == [NAME]


def test_a_file_that_appears_during_the_download_is_not_overwritten(server, folder):
    server.pages["/a"] = Page(CONTENT, before_body=lambda: (folder / NAME).write_bytes(b"mine"))
    with pytest.raises(DataUnavailable, match="is left as it is"):
        obtain([remote(server.url("/a"))], folder, progress=False)
    assert (folder / NAME).read_bytes() == b"mine" and files_in(folder) == [NAME]


def test_what_a_killed_download_left_is_not_trusted(server, folder):
    server.pages["/a"] = Page(CONTENT)
    folder.mkdir()
    leftover = folder / f".{NAME}.1.0badcafe.part"
    leftover.write_bytes(CONTENT[:100])
    with pytest.raises(DataUnavailable):
        obtain([remote(closed_port_url("/a"))], folder, progress=False)
    assert obtain([remote(server.url("/a"))], folder, progress=False) == [CONTENT]


def test_an_interrupted_download_leaves_nothing(folder, monkeypatch):
    def write_a_little_then_stop(self, url, stream, _):
        stream.write(CONTENT[:100])
        stream.flush()
        assert len(files_in(folder)) == 1  # the probe sees the unfinished file
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", write_a_little_then_stop)
    with pytest.raises(KeyboardInterrupt):
        obtain([remote("http://127.0.0.1/a")], folder, progress=False)
    assert files_in(folder) == []


def test_two_downloads_at_once_do_not_touch_each_other(server, folder):
    seen_together = []
    both_started = threading.Barrier(2, lambda: seen_together.extend(files_in(folder)), timeout=20)
    server.pages["/a"] = Page(CONTENT, before_body=both_started.wait)
    results = []

    def fetch():
        results.extend(obtain([remote(server.url("/a"))], folder, progress=False))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT, CONTENT]
    assert len(set(seen_together)) == 2  # two unfinished files, each with a name of its own
    assert files_in(folder) == [NAME]


def test_a_cache_path_that_is_a_file_is_reported(server, tmp_path):
    server.pages["/a"] = Page(CONTENT)
    folder = tmp_path / "cache"
    folder.write_bytes(b"in the way")
    with pytest.raises(DataUnavailable, match="cannot be used") as caught:
        obtain([remote(server.url("/a"))], folder, progress=False)
    assert str(folder) in str(caught.value) and "TUTORIAL_DATA_DIR" in str(caught.value)
    assert folder.read_bytes() == b"in the way"


def test_a_folder_in_place_of_a_file_is_reported(server, folder):
    server.pages["/a"] = Page(CONTENT)
    (folder / NAME).mkdir(parents=True)
    with pytest.raises(DataUnavailable, match="cannot be used"):
        obtain([remote(server.url("/a"))], folder, progress=False)


def test_a_read_only_cache_folder_is_reported_but_can_be_read(server, folder):
    server.pages["/a"] = Page(CONTENT)
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write to read-only folders too (root, or Windows)")
    with pytest.raises(DataUnavailable, match="cannot be used"):
        obtain([remote(server.url("/a"))], folder, progress=False)
    folder.chmod(0o700)
    (folder / NAME).write_bytes(CONTENT)
    folder.chmod(0o500)
    assert obtain([remote(closed_port_url("/a"))], folder, progress=False) == [CONTENT]


def test_a_full_disk_is_reported_and_leaves_nothing(folder, monkeypatch):
    def fill_the_disk(self, url, stream, _):
        stream.write(CONTENT[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fill_the_disk)
    with pytest.raises(DataUnavailable, match="No space left on device"):
        obtain([remote("http://127.0.0.1/a")], folder, progress=False)
    assert files_in(folder) == []


def test_the_progress_bar_names_the_file_and_can_be_turned_off(server, folder, capsys):
    server.pages["/a"] = Page(CONTENT)
    obtain([remote(server.url("/a"))], folder, progress=True)
    assert NAME in capsys.readouterr().err
    (folder / NAME).unlink()
    obtain([remote(server.url("/a"))], folder, progress=False)
    assert capsys.readouterr().err == ""


def test_a_repacked_gzip_file_is_the_same_file_but_other_contents_are_not():
    packed, repacked = gzip.compress(CONTENT, 9, mtime=1), gzip.compress(CONTENT, 1, mtime=2)
    assert packed != repacked
    file = RemoteFile(NAME, (), hashlib.sha256(CONTENT).hexdigest(), 0, "gzip")
    assert file.problem(packed) is None and file.problem(repacked) is None
    assert "wrong checksum" in file.problem(gzip.compress(CONTENT[1:]))
    assert "truncated or damaged gzip" in file.problem(packed[:-10])
    assert "truncated or damaged gzip" in file.problem(b"<html>log in first</html>")


def test_a_repacked_zip_of_recordings_is_the_same_but_a_moved_byte_is_not():
    sounds = {"0_ann_0.wav": np.arange(9), "1_ann_0.wav": np.arange(5)}
    packed = spoken_digits_zip(sounds, folder="digits-main")
    repacked = spoken_digits_zip(dict(reversed(sounds.items())), folder="digits-1.0")
    assert packed != repacked
    file = RemoteFile(NAME, (), content_sha256(packed, "recordings"), 0, "recordings")
    assert file.problem(packed) is None and file.problem(repacked) is None
    members = {"d/recordings/a.wav": b"12", "d/recordings/b.wav": b"3"}
    moved = {"d/recordings/a.wav": b"1", "d/recordings/b.wav": b"23"}
    sums = {content_sha256(zip_bytes(each), "recordings") for each in (members, moved)}
    assert len(sums) == 2
    assert "truncated or damaged zip" in file.problem(packed[:-30])
