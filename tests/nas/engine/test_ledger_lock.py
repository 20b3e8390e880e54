"""The lock of a ledger: others see that a process writes to it, without a lasting lock."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from nas.engine import ledger_lock
from nas.engine.ledger import HeldError, Ledger
from nas.engine.ledger_lock import is_open_for_writing


def test_a_ledger_is_open_for_writing_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path, {}):
        assert is_open_for_writing(path)
    assert not is_open_for_writing(path)
    assert not is_open_for_writing(path)  # the question left no lock behind


def test_a_writer_waits_for_a_reader_that_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, {}).close()
    reader = os.open(path, os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    with pytest.raises(HeldError):
        Ledger(path, {})
    monkeypatch.setattr(ledger_lock, "ATTEMPTS", 1000)
    threading.Timer(0.05, os.close, (reader,)).start()
    with Ledger(path, {}):
        assert is_open_for_writing(path)
