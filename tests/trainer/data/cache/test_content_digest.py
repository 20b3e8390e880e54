"""The memo of a data set's digest is used while it is intact, and computed again else."""

from pathlib import Path

import pytest

from trainer.config import ReadingConfig
from trainer.data.cache.content_digest import content_digest, stat_fingerprint
from trainer.data.prepare import find_source


def test_a_damaged_memo_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "1.png").write_bytes(name.encode())
    source = find_source(str(tmp_path / "data"), tmp_path, ReadingConfig())
    read: list[int] = []
    fingerprint, memos = stat_fingerprint(source), tmp_path / "memos"

    def digest() -> str:
        return content_digest(
            source, fingerprint, memo_folder=memos, on_progress=lambda done, _: read.append(done)
        )

    first = digest()
    assert len(first) == 64
    assert read == [1, 2]
    assert digest() == first
    assert read == [1, 2]  # from the memo
    (memo,) = memos.iterdir()
    data = memo.read_bytes()
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1
        memo.write_bytes(changed)
        read.clear()
        assert digest() == first
        assert read == [1, 2]
        assert memo.read_bytes() == data
    memo.write_text("0" * 64)  # as earlier versions wrote it: damage would not be noticed
    assert digest() == first
