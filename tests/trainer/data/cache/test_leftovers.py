"""What killed processes leave in the folder of all caches is removed by the next command."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.toys.images import class_folders
from trainer.config import ReadingConfig
from trainer.data.cache import folder
from trainer.data.cache.folder import cache_root, locked
from trainer.data.prepare import prepare

# Prepares a data set, and is killed when the decoding begins.
KILLED = """
import os, signal, sys
from pathlib import Path
from trainer.data.cache import folder
from trainer.data.prepare import prepare
folder.build = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
prepare(sys.argv[1], 16, cache_dir=Path(sys.argv[2]))
"""


def hidden(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name.startswith("."))


@pytest.mark.slow
def test_a_killed_decoding_leaves_nothing_after_the_next_command(tmp_path: Path) -> None:
    data, cache = class_folders(tmp_path / "pets", {"cat": 5, "dog": 4}), tmp_path / "cache"
    subprocess.run([sys.executable, "-c", KILLED, str(data), str(cache)], check=False)
    assert any(name.endswith(".part") for name in hidden(cache))
    prepare("digits", 8, ReadingConfig(), cache_dir=cache)  # another data set
    assert hidden(cache) == []


def test_what_belongs_to_running_processes_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    own = os.getpid()
    kept = [".8px-aa.lock", f".8px-aa.{own}-0123.part", f".{own}-0123.probe"]
    removed = [".8px-bb.lock", f".8px-cc.{dead.pid}-0123.part", f".{dead.pid}-0123.probe"]
    for name in (*kept, *removed):
        if name.endswith(".part"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "train.images.npy").write_bytes(b"x")
        else:
            (tmp_path / name).touch()
    with (tmp_path / kept[0]).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cache_root(tmp_path)
    assert hidden(tmp_path) == sorted(kept)


def test_a_lock_whose_file_was_removed_while_another_waited_excludes(tmp_path: Path) -> None:
    """Three threads enter one by one, though each removes the file that the next one waits for."""
    path, inside, most = tmp_path / ".x.lock", [0], [0]
    entered = threading.Barrier(3)

    def enter() -> None:
        entered.wait()
        for _ in range(30):
            with locked(path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                os.sched_yield()
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert not path.exists()


def test_an_error_in_the_block_removes_the_lock_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path / ".x.lock"):
        raise KeyError
    assert hidden(tmp_path) == []


# Holds the lock of a cache until it is killed.
BUILDER = """
import sys, time
from pathlib import Path
from trainer.data.cache.folder import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.slow
def test_a_stopped_builder_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(folder, "NOTE_AFTER_S", 0.125)
    path, command = tmp_path / ".x.lock", [sys.executable, "-c", BUILDER]
    with subprocess.Popen([*command, str(path)], stdout=subprocess.PIPE, text=True) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "locked\n"
        builder.send_signal(signal.SIGSTOP)
        with (
            pytest.raises(OSError, match=f"process {builder.pid} .* is stopped; continue it"),
            locked(path),
        ):
            pass
        builder.kill()
    assert f"waiting for the images: process {builder.pid}" in capsys.readouterr().err
    with locked(path):  # the kernel has released it
        pass
    assert not path.exists()
