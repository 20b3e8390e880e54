"""Faults of files and disks while the images are decoded are one line that names the place."""

import errno
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import trainer.data.cache.build
from tests.toys.images import class_folders
from trainer.data.prepare import prepare
from trainer.data.progress import DecodingProgress

SIZE = 16


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "pets", {"cat": 5, "dog": 4})


def during_decoding(change: Callable[[], object]) -> DecodingProgress:
    """Return a progress callback that makes a change when all files were hashed."""
    calls: list[int] = []

    def progress(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == total:
            change()

    return progress


@pytest.mark.parametrize("name", ["cat/0.png", "dog/3.png"])
def test_a_file_that_is_removed_while_it_is_read_is_named(data: Path, name: str) -> None:
    remove = during_decoding((data / name).unlink)
    with pytest.raises(ValueError, match=f"{data / name} was removed while pets was read; start "):
        prepare(str(data), SIZE, cache_dir=data.parent / "cache", on_progress=remove)


def test_a_file_that_grows_while_it_is_read_is_noticed(data: Path) -> None:
    def grow() -> None:
        with (data / "cat/0.png").open("ab") as file:
            file.write(b"x")

    with pytest.raises(ValueError, match="pets was changed while it was read; start again"):
        prepare(
            str(data), SIZE, cache_dir=data.parent / "cache", on_progress=during_decoding(grow)
        )


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_fault_of_the_disk_names_the_folder_and_its_variable(
    data: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, "fault")

    monkeypatch.setattr(trainer.data.cache.build, "_write_header", fail)
    cache = data.parent / "cache"
    with pytest.raises(OSError, match=rf"decoded images .*{cache} \(NAS_CACHE_DIR"):
        prepare(str(data), SIZE, cache_dir=cache)
    assert not [path for path in cache.iterdir() if path.is_dir() and "px-" in path.name]


PREPARE = """
import sys
from pathlib import Path
from trainer.data.prepare import prepare
from trainer.data.progress import DecodingProgress
try:
    prepare(sys.argv[1], 128, cache_dir=Path(sys.argv[2]))
except OSError as error:
    print(error)
"""


def test_a_limited_file_size_is_named(data: Path) -> None:
    cache = data.parent / "cache"
    done = subprocess.run(  # 9 images of 48 KiB do not fit in 100 KiB
        [sys.executable, "-c", PREPARE, str(data), str(cache)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.stdout == (
        f"a file of the decoded images in {cache} is larger than this process may write; raise "
        "its limit (ulimit -f)\n"
    )
    assert not [path for path in cache.iterdir() if path.is_dir() and "px-" in path.name]
