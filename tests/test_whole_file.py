"""A file is whole or not there, also on a drive that refuses what a disk does."""

import errno
import os

import pytest

from tutorial_lib.files import newest, remove_leftovers, write_whole

REFUSALS = [errno.ENOSYS, errno.ENOTSUP, errno.EINVAL]


def refusing(number):
    def call(*arguments, **_):
        raise OSError(number, os.strerror(number))

    return call


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("call", ["fsync", "chmod"])
def test_a_drive_that_cannot_flush_or_change_permissions_is_written_to_all_the_same(
    tmp_path, monkeypatch, call, number
):
    monkeypatch.setattr(os, call, refusing(number))
    for content in (b"one", b"two"):
        write_whole(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content and names(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("call", ["fsync", "chmod", "replace"])
def test_what_is_a_failure_stays_a_failure(tmp_path, monkeypatch, call, number):
    write_whole(tmp_path / "a", b"one")
    monkeypatch.setattr(os, call, refusing(number))
    with pytest.raises(OSError) as failed:
        write_whole(tmp_path / "a", b"two")
    assert failed.value.errno == number
    assert (tmp_path / "a").read_bytes() == b"one" and names(tmp_path) == ["a"]


@pytest.fixture
def renames_onto_nothing(monkeypatch):
    """A drive that renames, but not onto a file that exists."""
    rename = os.rename

    def onto_nothing(source, target):
        if os.path.exists(target):
            raise OSError(errno.EEXIST, "File exists", str(target))
        rename(source, target)

    monkeypatch.setattr(os, "replace", onto_nothing)
    return rename


def test_where_a_file_cannot_be_replaced_the_old_one_steps_aside(tmp_path, renames_onto_nothing):
    for content in (b"one", b"two", b"three"):
        write_whole(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content and names(tmp_path) == ["a"]


class Death(BaseException):
    """The process dies here: nothing after it is carried out."""


@pytest.mark.parametrize("n_renames", [0, 1])
def test_whoever_dies_between_the_two_renames_leaves_a_whole_file(
    tmp_path, monkeypatch, renames_onto_nothing, n_renames
):
    write_whole(tmp_path / "a", b"one")
    done, unlink = [], os.unlink

    def rename(source, target):
        if len(done) == n_renames:
            monkeypatch.setattr(os, "rename", refuse)
            monkeypatch.setattr(os, "unlink", refuse)
            raise Death
        done.append(target)
        renames_onto_nothing(source, target)

    def refuse(*_, **__):
        raise Death

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(Death):
        write_whole(tmp_path / "a", b"two")
    monkeypatch.undo()
    assert os.unlink is unlink and (tmp_path / "a").exists() == (n_renames == 0)
    assert newest(tmp_path / "a").read_bytes() == b"one"
    remove_leftovers(tmp_path / "a")
    assert newest(tmp_path / "a").read_bytes() == b"one" and len(names(tmp_path)) == 1
    write_whole(tmp_path / "a", b"three")
    remove_leftovers(tmp_path / "a")
    assert newest(tmp_path / "a").read_bytes() == b"three" and names(tmp_path) == ["a"]


def test_a_second_rename_that_fails_puts_the_old_file_back(
    tmp_path, monkeypatch, renames_onto_nothing
):
    write_whole(tmp_path / "a", b"one")

    def rename(source, target):
        if str(source).endswith(".part"):
            raise OSError(errno.EIO, "Input/output error")
        renames_onto_nothing(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="Input/output"):
        write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one" and names(tmp_path) == ["a"]


def test_without_any_file_the_newest_is_the_one_that_will_be_written(tmp_path):
    assert newest(tmp_path / "a") == tmp_path / "a"
