"""Drafts of files that killed processes left are removed; those of running ones stay."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search_space.atomic_file import write_atomic
from search_space.leftovers import remove_drafts


@pytest.fixture(scope="module")
def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_writer_leaves_a_draft_that_is_removed(tmp_path: Path) -> None:
    """The process is killed while it flushes the data."""
    script = (
        "import os, signal, sys; from search_space.atomic_file import write_atomic\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomic(sys.argv[1], 'new')"
    )
    (tmp_path / "a.json").write_text("old")
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.json")], check=False)
    assert len(names(tmp_path)) == 2
    remove_drafts(tmp_path)
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


def test_only_drafts_of_ended_processes_are_removed(tmp_path: Path, dead: int) -> None:
    kept = [
        f".a.json.{os.getpid()}.0123abcd.tmp",  # its process has just made it
        f".b.json.{dead}.0123abcd.tmp",  # locked: its process is in another container
        ".a.json.tmp",  # of other programs
        f".a.json.{dead}.other.tmp",
        f"a.json.{dead}.0123abcd.tmp",
        "a.json",
    ]
    abandoned = [f".a.json.{dead}.0123abcd.tmp", f".checkpoint.pt.{dead}.tmp"]
    for name in (*kept, *abandoned):
        (tmp_path / name).write_text("")
    with (tmp_path / kept[1]).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_drafts(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_a_number_that_was_used_again_keeps_a_draft_for_a_minute(tmp_path: Path) -> None:
    draft = tmp_path / f".a.json.{os.getpid()}.0123abcd.tmp"
    draft.write_text("")
    old = time.time() - 61
    os.utime(draft, (old, old))
    remove_drafts(tmp_path)
    assert names(tmp_path) == []


def test_the_drafts_of_one_file(tmp_path: Path, dead: int) -> None:
    mine, others = f".L[1].json.{dead}.0123abcd.tmp", f".M.json.{dead}.0123abcd.tmp"
    for name in (mine, others):
        (tmp_path / name).write_text("")
    remove_drafts(tmp_path, "L[1].json")
    assert names(tmp_path) == [others]
    remove_drafts(tmp_path / "missing")


def test_a_file_is_written_where_locks_do_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    write_atomic(tmp_path / "a.json", "text")
    assert (tmp_path / "a.json").read_text() == "text"
    assert names(tmp_path) == ["a.json"]
