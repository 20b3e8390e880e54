"""Files are replaced whole; what is no regular file is written to and stays what it is."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from search_space.atomic_file import write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced_and_no_draft_stays(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "one.json", "old")
    assert write_atomic(path, b"new") == path
    assert path.read_text() == "new"
    assert names(tmp_path) == ["one.json"]


def test_bytes_of_names_that_are_not_text_are_escaped(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "a.csv", f"caf\u00e9,{os.fsdecode(b'caf' + bytes([0xE9]))}")
    assert path.read_text(encoding="utf-8") == "caf\u00e9,caf\\udce9"


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "one", "old")
    path.chmod(0o640)
    write_atomic(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_root_replaces_keeps_its_owner(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "one", "old")
    os.chown(path, 1234, 1235)
    write_atomic(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target.json", tmp_path / "link.json"
    if exists:
        target.write_text("old")
    link.symlink_to("there/target.json")
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["link.json", "there"]


def test_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "L.json").mkdir()
    with pytest.raises(OSError, match=r"directory.*L\.json"):
        write_atomic(tmp_path / "L.json", "new")
    assert (tmp_path / "L.json").is_dir()
    assert names(tmp_path) == ["L.json"]


def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_atomic(pipe, "content")
    reader.join(10)
    assert read == ["content"]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_device_stays_a_device(tmp_path: Path, linked: bool) -> None:
    node = tmp_path / "null"
    try:  # the numbers of the null device, from Linux's list of devices: character device 1:3
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        node.open("wb").close()
    except PermissionError:
        pytest.skip("making a device needs root, and a file system that allows devices")
    path = node
    if linked:
        path = tmp_path / "link"
        path.symlink_to(node)
    write_atomic(path, "content")
    assert stat.S_ISCHR(node.lstat().st_mode)
    assert node.read_bytes() == b""
    assert names(tmp_path) == (["link", "null"] if linked else ["null"])


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_redirected_stdout_has_what_is_printed_before_and_after(
    tmp_path: Path, name: str
) -> None:
    code = (
        "from search_space.atomic_file import write_atomic\n"
        f"print('before'); write_atomic({name!r}, 'content\\n'); print('after')"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\ncontent\nafter\n"
    assert names(tmp_path) == ["out"]
