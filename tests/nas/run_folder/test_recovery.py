"""A damaged line of a ledger is read from a result file; damaged result files are set aside."""

import json
import shutil
from pathlib import Path

import pytest

from nas.candidate import Outcome
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine
from nas.engine.events import Opened, RungTold, Told
from nas.engine.ledger import Ledger, read_ledger
from nas.engine.ledger_lines import sealed_line
from nas.engine.study import quiet_optuna
from nas.report_command import main as report_main
from nas.run_folder.opening import read_run
from nas.run_folder.recovery import recover_ledger
from nas.samplers import sampler_factory
from tests.toys.space import ToySpace, toy_outcome

GOLDEN = Path(__file__).parents[2] / "golden" / "runs"


@pytest.fixture(params=["full", "progressive"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of a run of an earlier version, whose lines have got checksums."""
    folder = Path(shutil.copytree(GOLDEN / request.param, tmp_path / "run"))
    read_run(folder).files.write_config()
    ledger = folder / "ledger.jsonl"
    lines = enumerate(ledger.read_text().splitlines(), start=1)
    ledger.write_text("".join(sealed_line(line, number) for number, line in lines))
    return folder


def told_lines(run: Path) -> list[int]:
    """Return the indices of the lines with an outcome that a worker wrote to a file."""
    lines = (run / "ledger.jsonl").read_text().splitlines()
    return [i for i, line in enumerate(lines) if json.loads(line)["event"] in ("told", "rung")]


def damage(run: Path, index: int, place: int, new: bytes) -> bytes:
    """Overwrite bytes of a line of the ledger, and return the ledger before."""
    ledger = run / "ledger.jsonl"
    before = ledger.read_bytes()
    lines = before.splitlines(keepends=True)
    line = bytearray(lines[index])
    place = place % (len(line) - 1)
    new = new[: len(line) - 1 - place]  # not the line break
    line[place : place + len(new)] = new
    lines[index] = bytes(line)
    ledger.write_bytes(b"".join(lines))
    return before


def test_an_intact_ledger_stays(run: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in run.iterdir())
    assert recover_ledger(run) == []
    assert sorted((path.name, path.stat().st_mtime_ns) for path in run.iterdir()) == before


@pytest.mark.parametrize("place", [0, 12, 200, 500, -5])
def test_a_damaged_outcome_is_read_from_the_result_file(run: Path, place: int) -> None:
    for index in told_lines(run):
        before = damage(run, index, place, b"\x00")
        with pytest.raises(ValueError, match=rf"ledger\.jsonl: line {index + 1} is damaged"):
            read_ledger(run / "ledger.jsonl")
        damaged = (run / "ledger.jsonl").read_bytes()
        (note,) = recover_ledger(run)
        assert f"line {index + 1} of" in note
        assert (run / "ledger.jsonl").read_bytes() == before
        assert (run / "ledger.jsonl.damaged").read_bytes() == damaged


def test_an_outcome_whose_time_is_lost_gets_that_of_the_event_before(run: Path) -> None:
    index = told_lines(run)[0]
    before = read_ledger(run / "ledger.jsonl")
    damage(run, index, 300, b"\x00" * 10_000)
    assert len(recover_ledger(run)) == 1
    after = read_ledger(run / "ledger.jsonl")
    (changed,) = [
        (old, new) for old, new in zip(before.events, after.events, strict=True) if old != new
    ]
    old, new = changed
    assert isinstance(old, Told)
    assert isinstance(new, Told)
    assert (new.number, new.outcome) == (old.number, old.outcome)
    assert new.time == before.events[index - 2].time


@pytest.mark.parametrize("name", ["full", "progressive"])
def test_a_line_of_an_earlier_version_is_recovered_without_a_checksum(
    tmp_path: Path, name: str
) -> None:
    run = Path(shutil.copytree(GOLDEN / name, tmp_path / "run"))
    for index in told_lines(run):
        before = damage(run, index, 200, b"\x00")
        assert len(recover_ledger(run)) == 1
        assert (run / "ledger.jsonl").read_bytes() == before
        read_run(run)


def test_without_the_result_file_the_line_is_refused(run: Path) -> None:
    damage(run, told_lines(run)[0], 200, b"\x00")
    damaged = (run / "ledger.jsonl").read_bytes()
    for file in (run / "results").iterdir():
        data = bytearray(file.read_bytes())
        data[len(data) // 2] = 0
        file.write_bytes(data)
    assert recover_ledger(run) == []
    assert (run / "ledger.jsonl").read_bytes() == damaged
    assert not (run / "ledger.jsonl.damaged").exists()


def test_a_line_that_is_no_outcome_is_refused_with_its_number(run: Path) -> None:
    for index in {*range(len(read_ledger(run / "ledger.jsonl").events))} - {*told_lines(run)}:
        before = damage(run, index, 30, b"\x00")
        assert recover_ledger(run) == []
        with pytest.raises(ValueError, match=rf"line {index + 1} is damaged: .* remove this line"):
            read_ledger(run / "ledger.jsonl")
        (run / "ledger.jsonl").write_bytes(before)


@pytest.mark.parametrize("change", ["repeat", "remove", "swap"])
def test_repeated_missing_and_swapped_lines_are_noticed(run: Path, change: str) -> None:
    ledger = run / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    for index in range(1, len(lines) - 1):
        changed = {
            "repeat": [*lines[: index + 1], *lines[index:]],
            "remove": [*lines[:index], *lines[index + 1 :]],
            "swap": [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]],
        }[change]
        ledger.write_text("".join(changed))
        with pytest.raises(ValueError, match=r"damaged: lines before it are missing or repeated"):
            read_ledger(ledger)


def test_a_resumed_old_ledger_has_checksums_from_there_on(tmp_path: Path) -> None:
    run = Path(shutil.copytree(GOLDEN / "full", tmp_path / "run"))
    path = run / "ledger.jsonl"
    old = read_ledger(path)
    with Ledger(path, old.settings) as ledger:
        ledger.append(Opened(pid=1, host="here"))
    assert read_ledger(path).events[: len(old.events)] == old.events
    lines = path.read_text().splitlines(keepends=True)
    assert ['"crc32"' in line for line in lines[-3:]] == [False, True, True]
    path.write_text("".join([*lines, lines[2]]))  # a line without checksum after one with it
    with pytest.raises(ValueError, match=rf"line {len(lines) + 1} is damaged: it has no checks"):
        read_ledger(path)


def test_a_run_that_another_search_writes_is_left_alone(run: Path) -> None:
    ledger = run / "ledger.jsonl"
    with Ledger(ledger, read_ledger(ledger).settings):
        damage(run, told_lines(run)[0], 200, b"\x00")
        damaged = ledger.read_bytes()
        assert recover_ledger(run) == []
        assert ledger.read_bytes() == damaged


def test_a_report_is_written_from_a_recovered_ledger(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = told_lines(run)[1]
    damage(run, index, 200, b"\x00")
    assert report_main(["--run", str(run)]) == 0
    assert f"note: line {index + 1} of" in " ".join(capsys.readouterr().out.split())


def test_a_search_continues_after_a_recovery_as_if_nothing_had_happened(tmp_path: Path) -> None:
    quiet_optuna()
    space, results = ToySpace(), ResultFiles(folder=tmp_path / "results", run_id="")
    results.folder.mkdir()

    def search(budget: int) -> list[object]:
        nonlocal results
        with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
            results = ResultFiles(folder=results.folder, run_id=ledger.run_id)
            engine = Engine(space, sampler_factory("tpe", seed=0), ledger, budget=budget)
            while job := engine.ask():
                outcome = results.load_or_evaluate(job, toy_outcome)
                engine.tell(job, outcome)
            return [(one.candidate, one.outcome) for one in engine.records()]

    search(8)
    kept = shutil.copytree(tmp_path, tmp_path.with_name("kept"))
    expected = search(14)
    shutil.rmtree(tmp_path)
    shutil.copytree(kept, tmp_path)
    damage(tmp_path, told_lines(tmp_path)[3], 60, b"\x00")
    assert len(recover_ledger(tmp_path)) == 1
    assert search(14) == expected


def test_damaged_result_files_are_set_aside(tmp_path: Path) -> None:
    run = Path(shutil.copytree(GOLDEN / "full", tmp_path / "run"))
    results = ResultFiles(folder=run / "results", run_id=read_ledger(run / "ledger.jsonl").run_id)
    (run / "results" / "1.json").write_text('{"schema": "nas.result/1"')
    assert results.set_aside_damaged() == (run / "results" / "1.json",)
    assert (run / "results" / "1.json.damaged").read_text() == '{"schema": "nas.result/1"'
    assert results.set_aside_damaged() == ()
    assert len([*results.folder.glob("*.json")]) == 4


def test_a_flipped_bit_of_a_result_file_is_noticed(tmp_path: Path) -> None:
    run = read_run(GOLDEN / "full")
    results = ResultFiles(folder=tmp_path, run_id=run.run_id)
    candidate = run.records[0].candidate
    results.save(candidate, run.records[0].outcome)
    data = results.path(candidate).read_bytes()
    for place in range(len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        results.path(candidate).write_bytes(changed)
        with pytest.raises(ValueError, match=r"0\.json is damaged"):
            results.find(candidate)
    results.path(candidate).write_bytes(data)
    assert results.find(candidate) == run.records[0].outcome


def test_settings_that_differ_from_the_ledger_are_refused(tmp_path: Path) -> None:
    run = Path(shutil.copytree(GOLDEN / "full", tmp_path / "run"))
    config = run / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("w: -0.07", "w: -0.05"))
    with pytest.raises(ValueError, match=r"config\.yaml is damaged or was edited: setting w"):
        read_run(run)
    config.write_text(text)
    read = read_run(run)
    read.files.write_config()
    written = config.read_text()
    config.write_text(written.replace("finalist_seeds: 1", "finalist_seeds: 3"))
    assert config.read_text() != written
    with pytest.raises(ValueError, match=r"config\.yaml is damaged or was edited: its checksum"):
        read_run(run)


def test_an_outcome_has_no_traceback_in_the_ledger(tmp_path: Path) -> None:
    quiet_optuna()
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        engine = Engine(ToySpace(), sampler_factory("random", seed=0), ledger, budget=1)
        job = engine.ask()
        assert job is not None
        results = ResultFiles(folder=tmp_path / "results", run_id=ledger.run_id)
        results.folder.mkdir()
        failed = Outcome.failed("ValueError: no")
        results.save(job, failed)
        engine.tell(job, failed)
    before = damage(tmp_path, told_lines(tmp_path)[0], 50, b"\x00")
    assert len(recover_ledger(tmp_path)) == 1
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    assert not any(isinstance(e, RungTold) for e in read_ledger(tmp_path / "ledger.jsonl").events)


def test_a_config_that_lost_its_checksum_is_refused_once_the_ledger_has_some(run: Path) -> None:
    config = run / "config.yaml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match=r"config\.yaml is damaged .* it has no checksum"):
        read_run(run)
