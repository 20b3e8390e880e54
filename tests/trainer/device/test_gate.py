"""The device gate: a timer holds it alone; killed and stopped processes do not block others."""

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

from trainer.device.gate import DeviceGate

SPAWN = multiprocessing.get_context("spawn")


def _train(folder: Path, pipe: Connection) -> None:
    """Take steps through the gate without end, and send when each begins and ends."""
    gate = DeviceGate("test", folder=folder)
    while True:
        with gate.step():
            pipe.send(("begin", time.monotonic()))
            time.sleep(0.01)
            pipe.send(("end", time.monotonic()))


def _hold(folder: Path, pipe: Connection) -> None:
    """Hold the lease until the process is killed."""
    with DeviceGate("test", folder=folder).lease():
        pipe.send("held")
        time.sleep(600)


def test_no_step_runs_while_a_timer_holds_the_device(tmp_path: Path) -> None:
    here, there = SPAWN.Pipe()
    trainer = SPAWN.Process(target=_train, args=(tmp_path, there), daemon=True)
    trainer.start()
    try:
        assert here.poll(60)  # the trainer has started
        with DeviceGate("test", folder=tmp_path) as gate:
            leases = []
            for _ in range(5):
                with gate.lease():
                    start = time.monotonic()
                    time.sleep(0.03)
                    leases.append((start, time.monotonic()))
                time.sleep(0.03)
    finally:
        trainer.kill()
        trainer.join()
    steps = []
    while here.poll():
        try:
            steps.append(here.recv())
        except EOFError:
            break
    begins = [when for what, when in steps if what == "begin"]
    ends = [when for what, when in steps if what == "end"]
    assert len(begins) > 5  # it took steps between the leases
    for begin, end in zip(begins, ends, strict=False):
        for start, stop in leases:
            assert end <= start or begin >= stop


def test_a_killed_process_releases_the_gate(tmp_path: Path) -> None:
    here, there = SPAWN.Pipe()
    holder = SPAWN.Process(target=_hold, args=(tmp_path, there), daemon=True)
    holder.start()
    assert here.poll(60)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with DeviceGate("test", folder=tmp_path) as gate, gate.lease():
        pass


def test_two_training_loops_share_the_gate(tmp_path: Path) -> None:
    with (
        DeviceGate("test", folder=tmp_path) as first,
        DeviceGate("test", folder=tmp_path) as second,
        first.step(),
        second.step(),  # would wait without end if steps were exclusive
    ):
        pass


def test_only_the_user_can_read_the_lock_files(tmp_path: Path) -> None:
    folder = tmp_path / "gate"
    DeviceGate("test", folder=folder).close()
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
