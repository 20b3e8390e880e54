"""The record in a gate's lock file that says who holds it, whatever else was written there."""

from pathlib import Path

import pytest

from trainer.device.lock_files import LockFiles
from trainer.machine.processes import ProcessName


def test_the_holder_is_read_as_it_was_written(tmp_path: Path) -> None:
    files, own = LockFiles(tmp_path, "cpu"), ProcessName.own()
    files.write_holder(own)
    token, holder = files.holder()
    assert len(token) == 16
    assert holder == own
    files.close()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x00" * 100, b"\xff\xfe{", b"[" * 5000, b'{"token": 1}', b"[1]", b"null"),
        b'{"token": "a", "process": 3}',
        b'{"token": "a", "process": "' + b"[" * 2000 + b'"}',
        b'{"token": "a", "process": "{\\"pid\\": 1e999, \\"started\\": 0}"}',
    ],
)
def test_a_damaged_record_names_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cpu.turnstile").write_bytes(content)
    files = LockFiles(tmp_path, "cpu")
    assert files.holder()[1] is None
    files.close()
