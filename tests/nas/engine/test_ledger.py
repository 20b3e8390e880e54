import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.engine.events import Event, OtherEvent
from nas.engine.ledger import HeldError, Ledger, read_ledger
from nas.engine.ledger_lines import sealed_line

SETTINGS = {"space": "toy", "seed": 0, "budget": 16}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def note(number: int) -> OtherEvent:
    return OtherEvent(data={"event": "note", "number": number})


def numbers(events: tuple[Event, ...]) -> list[int]:
    return [event.data["number"] for event in events if isinstance(event, OtherEvent)]


def notes(path: Path) -> list[int]:
    return numbers(read_ledger(path).events)


def test_what_was_appended_is_there_after_reopening(path: Path) -> None:
    with Ledger(path, SETTINGS) as first:
        first.append(note(1), note(2))
        first.append(note(3))
    with Ledger(path, SETTINGS) as second:
        assert numbers(second.history) == [1, 2, 3]
        assert second.run_id == first.run_id


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(min_value=0, max_value=10**6))
def test_a_file_torn_anywhere_opens_with_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "ledger.jsonl"
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(*map(note, range(5)))
    data = path.read_bytes()
    kept = data[: cut % (len(data) + 1)]
    path.write_bytes(kept)
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(99))
    whole = [json.loads(line) for line in kept[: kept.rfind(b"\n") + 1].splitlines()]
    assert notes(path) == [e["number"] for e in whole if e["event"] == "note"] + [99]


def test_a_damaged_line_in_the_middle_is_refused_by_file_and_number(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(1), note(2))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"event": "no\n', *lines[3:]]))
    with pytest.raises(ValueError, match=r"ledger\.jsonl: line 3 is damaged"):
        Ledger(path, SETTINGS)


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_text('{"event": "header", "schema": "other/1"}\n')
    with pytest.raises(ValueError, match=r"must be the header of a nas\.ledger/1 file"):
        Ledger(path, SETTINGS)


def test_a_second_writer_is_refused_by_run_and_process(path: Path) -> None:
    with Ledger(path, SETTINGS):
        with pytest.raises(
            ValueError, match=rf"run '{path.parent.name}' is being .* process {os.getpid()} on"
        ):
            Ledger(path, SETTINGS)
        assert read_ledger(path).settings == SETTINGS  # a reader is not
    Ledger(path, SETTINGS).close()


def test_a_killed_writer_leaves_no_lock(path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from nas.engine.ledger import Ledger;"
        f"Ledger(Path(sys.argv[1]), {SETTINGS}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[3])
    Ledger(path, SETTINGS).close()


def test_other_settings_are_refused_with_every_difference(path: Path) -> None:
    Ledger(path, SETTINGS).close()
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"epochs 'nothing' -> 3; seed 0 -> 1; space 'toy' -> 'tiny'; "
    ):
        Ledger(path, {"space": "tiny", "seed": 1, "budget": 16, "epochs": 3})
    assert path.read_bytes() == before


def test_the_budget_may_grow_and_is_remembered(path: Path) -> None:
    Ledger(path, SETTINGS).close()
    Ledger(path, {**SETTINGS, "budget": 32}).close()
    assert read_ledger(path).settings == {**SETTINGS, "budget": 32}


def test_a_disk_that_fills_up_leaves_a_valid_file(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(1))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        try:
            with pytest.raises(OSError, match=r"ledger\.jsonl"):
                ledger.append(note(2), note(3))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert notes(path) == [1]
        ledger.append(note(4))
    assert notes(path) == [1, 4]


def test_a_reader_leaves_out_the_line_that_is_being_written(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(1))
        with path.open("ab") as other:
            other.write(b'{"event": "no')
        assert notes(path) == [1]


def test_an_append_writes_what_is_new_and_no_more(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        for start in range(0, 10_000, 1000):
            ledger.append(*map(note, range(start, start + 1000)))
        before = path.stat().st_size
        ledger.append(note(0))
        assert path.stat().st_size - before < 100
        assert len(notes(path)) == 10_001


def test_a_writer_that_no_lock_kept_out_is_noticed(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(0))
        with path.open("a") as other:  # as on a network file system without locks
            number = len(path.read_text().splitlines()) + 1
            other.write(sealed_line('{"event":"note","number":1}', number))
        with pytest.raises(HeldError, match=r"another process writes to .*ledger\.jsonl"):
            ledger.append(note(2))
    assert notes(path) == [0, 1]


def test_a_ledger_that_is_removed_is_put_back_and_nothing_is_lost(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(0), note(1))
        path.unlink()
        with pytest.raises(OSError, match=r"ledger\.jsonl was removed .* it was written again"):
            ledger.append(note(2))
    assert notes(path) == [0, 1]
    with Ledger(path, SETTINGS) as again:
        again.append(note(2))
        assert again.run_id == ledger.run_id
    assert notes(path) == [0, 1, 2]


def test_a_ledger_that_is_moved_or_replaced_ends_the_search(path: Path) -> None:
    with Ledger(path, SETTINGS) as ledger:
        ledger.append(note(0))
        moved = path.rename(path.with_suffix(".moved"))
        with pytest.raises(OSError, match=r"ledger\.jsonl was moved or removed"):
            ledger.append(note(1))
        path.write_text("something else\n")
        with pytest.raises(OSError, match=r"ledger\.jsonl was replaced by another file"):
            ledger.append(note(1))
    assert path.read_text() == "something else\n"
    assert notes(moved) == [0]
