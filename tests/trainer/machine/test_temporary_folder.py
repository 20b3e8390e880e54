"""Temporary folders: private, removed at the end, and abandoned ones too."""

import os
from pathlib import Path

import pytest

from trainer.machine.temporary_folder import COMPILER, EXPORT, RAY, temporary_folder


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which temporary folders are made."""
    monkeypatch.setattr("trainer.machine.temporary_folder.MAX_BASE_LENGTH", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("prefix", [RAY, COMPILER, EXPORT])
def test_a_temporary_folder_is_private_and_is_removed(base: Path, prefix: str) -> None:
    dead, foreign = base / f"{RAY}dead", base / f"{prefix}without-owner"
    for folder in (dead, foreign):
        folder.mkdir()
    (dead / "owner").touch()
    with temporary_folder(prefix) as first:
        assert first.stat().st_mode & 0o777 == 0o700
        assert not dead.exists()
        assert foreign.exists()
        with temporary_folder(prefix) as second:
            assert first.exists()
            assert second != first
    assert {path.name for path in base.iterdir()} == {foreign.name}


def test_folders_that_have_no_owner_are_removed_when_they_are_old(base: Path) -> None:
    """One process was killed before it had the lock, another while it removed the folder."""
    old = [base / f".{COMPILER}x", base / f"{RAY}y"]
    for folder in (*old, base / f".{RAY}new"):
        folder.mkdir()
    for folder in old:
        os.utime(folder, (0, 0))
    with temporary_folder(RAY):
        pass
    assert {path.name for path in base.iterdir()} == {f".{RAY}new"}
