"""The folder of this user in a temporary folder that all users can write to."""

import os
from pathlib import Path

import pytest

from trainer.machine.private_folder import ATTEMPTS, private_folder

UID = os.getuid()


def test_the_folder_is_made_once_and_is_closed_to_others(tmp_path: Path) -> None:
    folder = private_folder("x", tmp_path)
    assert folder == tmp_path / f"x-{UID}" == private_folder("x", tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_could_write_to_is_closed(tmp_path: Path) -> None:
    (tmp_path / f"x-{UID}").mkdir()
    (tmp_path / f"x-{UID}").chmod(0o777)
    assert private_folder("x", tmp_path).stat().st_mode & 0o777 == 0o700


def test_links_and_files_are_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / f"x-{UID}").symlink_to(tmp_path / "elsewhere")
    (tmp_path / f"x-{UID}-1").write_text("")
    (tmp_path / f"x-{UID}-2").symlink_to(tmp_path / "missing")
    assert private_folder("x", tmp_path) == tmp_path / f"x-{UID}-3"
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755


def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"x-{UID + 1}"
    (tmp_path / name).mkdir()
    monkeypatch.setattr(os, "getuid", lambda: UID + 1)
    with pytest.raises(OSError, match=f"{name}: it, and {ATTEMPTS - 1} similar names"):
        private_folder("x", tmp_path)
