"""Whether another process is stopped, by what /proc says about it."""

import os
from pathlib import Path

import pytest

from trainer.machine.processes import ProcessName, is_stopped

BOOT = "proc/sys/kernel/random/boot_id"


def fake_proc(root: Path, *, state: str, started: int = 4711, boot: str = "b") -> Path:
    """Write /proc of a host with the process 7, whose command has spaces and brackets."""
    fields = [state, *["0"] * 18, str(started), *["0"] * 10]
    for name, text in {"proc/7/stat": f"7 (a) b (c) {' '.join(fields)}\n", BOOT: boot}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "proc/self/ns").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/ns/pid").unlink(missing_ok=True)
    (root / "proc/self/ns/pid").symlink_to("pid:[1]")
    return root


NAME = ProcessName(pid=7, started=4711, namespace="b pid:[1]", command="nas-time")


@pytest.mark.parametrize(
    ("state", "stopped"), [("T", True), ("t", True), ("R", False), ("S", False), ("Z", False)]
)
def test_stopped_states(tmp_path: Path, state: str, stopped: bool) -> None:
    root = fake_proc(tmp_path, state=state)
    assert NAME.is_stopped(root) is stopped
    assert is_stopped(7, root) is stopped


def test_a_number_that_means_another_process_is_not_stopped(tmp_path: Path) -> None:
    assert not NAME.is_stopped(fake_proc(tmp_path, state="T", started=5))  # was used again
    assert not NAME.is_stopped(fake_proc(tmp_path, state="T", boot="c"))  # another host


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert not NAME.is_stopped(tmp_path)
    assert not is_stopped(7, tmp_path)
    own = ProcessName.own(tmp_path)
    assert (own.pid, own.started, own.namespace) == (os.getpid(), 0, "")


def test_a_name_survives_a_file() -> None:
    own = ProcessName.own()
    assert ProcessName.from_json(own.to_json()) == own
    endless = '{"pid": 1e999, "started": 0, "namespace": "", "command": ""}'
    for text in ("", "{}", "[1]", '{"pid": "x"}', "\x00", "[" * 4000, endless):
        assert ProcessName.from_json(text) is None
    assert str(NAME) == "process 7 (nas-time)"
