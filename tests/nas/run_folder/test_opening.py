"""Opening of a run's folder, and when it is removed again."""

from pathlib import Path

import pytest

from nas.candidate import Outcome
from nas.engine.events import Told
from nas.engine.ledger import Ledger
from nas.run_folder.opening import opened_run_folder


def test_the_folder_of_another_search_is_not_changed(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with (
        pytest.raises(ValueError, match="is being searched by process"),
        opened_run_folder(folder),
        Ledger(folder / "ledger.jsonl", {}),
        Ledger(folder / "ledger.jsonl", {}),
    ):
        pass
    assert (folder / "ledger.jsonl").exists()
    with pytest.raises(ValueError, match="a bad setting"), opened_run_folder(tmp_path / "b"):
        raise ValueError("a bad setting")
    assert not (tmp_path / "b").exists()


def test_a_new_folder_with_an_outcome_is_kept_after_errors(tmp_path: Path) -> None:
    folder, moved = tmp_path / "a", tmp_path / "moved"

    def break_after_a_candidate() -> None:
        with opened_run_folder(folder), Ledger(folder / "ledger.jsonl", {}) as ledger:
            ledger.append(Told(number=0, outcome=Outcome.failed("NaN")))
            (folder / "results").rmdir()  # as by a user who cleans up
            raise OSError("a worker's file")

    def break_after_a_move() -> None:
        with opened_run_folder(tmp_path / "b"):
            (tmp_path / "b").rename(moved)
            raise OSError("no such folder")

    with pytest.raises(OSError, match="a worker's file"):
        break_after_a_candidate()
    assert (folder / "ledger.jsonl").exists()
    with pytest.raises(OSError, match="no such folder"):
        break_after_a_move()
    assert moved.exists()
