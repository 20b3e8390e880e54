"""Temporary folders: private, removed at the end, and abandoned ones too."""

from pathlib import Path

import pytest

from trainer.cluster.ray_session import PREFIX, temporary_folder


def test_a_temporary_folder_is_private_and_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.cluster.ray_session.MAX_BASE_LENGTH", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, foreign = tmp_path / f"{PREFIX}dead", tmp_path / f"{PREFIX}without-owner"
    for folder in (dead, foreign):
        folder.mkdir()
    (dead / "owner").touch()
    with temporary_folder() as first:
        assert first.stat().st_mode & 0o777 == 0o700
        assert not dead.exists()
        assert foreign.exists()
        with temporary_folder() as second:
            assert first.exists()
            assert second != first
    assert {path.name for path in tmp_path.iterdir()} == {foreign.name}
