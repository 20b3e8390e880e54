"""A mirror receives every candidate once and never delays a search."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import optuna
import pytest
from optuna.trial import TrialState

from nas.candidate import Outcome, Record, State
from nas.engine.study import quiet_optuna
from nas.mirror.mirror import Mirror
from nas.mirror.optuna_study import MirrorStudy
from nas.mirror.url import check_url, password_mask, without_password
from tests.nas.nas_records import CONFIG, TINY, failed, infeasible, trained
from tests.toys.metrics import at_rung, whole_metrics

RECORDS = [trained(0, 0.4), trained(1, 0.7), failed(2), infeasible(3), trained(5, 0.5)]
WAIT_S = 60.0


class List:
    """A target that is a list; it can fail before or after it has added a record."""

    def __init__(self, kept: list[Record], trouble: Iterator[str]) -> None:
        self.present = {(record.candidate.number, record.rung) for record in kept}
        self._kept, self._trouble = kept, trouble

    def add(self, record: Record) -> None:
        what = next(self._trouble, "")
        if what == "before":
            raise ConnectionError("gone")
        self._kept.append(record)
        if what == "after":
            raise ConnectionError("gone without an answer")
        self.present.add((record.candidate.number, record.rung))

    def close(self) -> None:
        pass


def fill(mirror: Mirror, records: list[Record]) -> str:
    with mirror:
        mirror.add(records)
        return mirror.close(WAIT_S)


def test_every_candidate_is_copied_once_and_in_order_despite_failures() -> None:
    kept: list[Record] = []
    trouble = iter(["", "before", "after", "before", "", "after"])
    mirror = Mirror(partial(List, kept, trouble), name="list", first_retry_s=0.01)
    assert fill(mirror, RECORDS) == ""
    assert kept == RECORDS


def test_the_next_session_adds_what_is_missing() -> None:
    kept = RECORDS[:2]
    mirror = Mirror(partial(List, kept, iter(())), name="list")
    assert fill(mirror, RECORDS) == ""
    assert kept == RECORDS


def test_a_target_that_cannot_be_opened_is_reported_at_the_end() -> None:
    def refuse() -> List:
        raise ConnectionRefusedError("nobody there")

    with Mirror(refuse, name="there") as mirror:
        mirror.add(RECORDS)
        assert mirror.close(0.3) == (
            "mirror there: 5 of 5 candidates are missing there (ConnectionRefusedError: nobody "
            "there); the same command adds them later"
        )


def test_a_target_that_hangs_delays_nothing() -> None:
    released = threading.Event()

    def hang() -> List:
        released.wait()
        return List([], iter(()))

    with Mirror(hang, name="there") as mirror:
        for record in RECORDS:
            mirror.add([record])
        assert "5 of 5 candidates are missing there (no answer)" in mirror.close(0.1)
    released.set()


def test_a_server_that_never_answers_delays_nothing(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"postgresql://nas@127.0.0.1:{silent.getsockname()[1]}/nas?connect_timeout=2"
        check_url(url)
        with Mirror(opener(url), name="silent") as mirror:
            mirror.add(RECORDS)
            assert "5 of 5 candidates are missing" in mirror.close(0.2)
        mirror.join()


def opener(url: str, *, run: str = "a" * 32) -> Callable[[], MirrorStudy]:
    quiet_optuna()
    return partial(MirrorStudy, url, "digits", run, TINY.decisions())


@contextmanager
def load(url: str, name: str = "digits") -> Iterator[optuna.Study]:
    """Open a study with Optuna alone."""
    if "://" in url:
        database = optuna.storages.RDBStorage(url)
        yield optuna.load_study(study_name=name, storage=database)
        database.remove_session()
        database.engine.dispose()
    else:
        backend = optuna.storages.journal.JournalFileBackend(url)
        storage = optuna.storages.JournalStorage(backend)
        yield optuna.load_study(study_name=name, storage=storage)


@pytest.fixture(params=["journal", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / "mirror"
    return str(path) if request.param == "journal" else f"sqlite:///{path}"


def test_trials_agree_with_the_ledger(url: str) -> None:
    for records in (RECORDS[:2], RECORDS):  # two sessions
        assert fill(Mirror(opener(url), name=url), records) == ""
    with load(url) as study:
        assert study.direction.name == "MAXIMIZE"
        trials = study.trials
        assert study.best_trial.user_attrs["candidate"] == 1
    states = [TrialState.COMPLETE] * 2
    states += [TrialState.FAIL, TrialState.PRUNED, TrialState.COMPLETE]
    assert [trial.state for trial in trials] == states
    assert [trial.value for trial in trials] == [0.4, 0.7, None, None, 0.5]
    assert [trial.user_attrs["candidate"] for trial in trials] == [0, 1, 2, 3, 5]
    assert [trial.params for trial in trials] == [dict(r.candidate.choices) for r in RECORDS]
    assert trials[0].user_attrs["num_params"] == 123_456
    assert trials[0].user_attrs["key"] == RECORDS[0].candidate.key
    assert trials[0].duration is not None
    assert trials[0].duration.total_seconds() == pytest.approx(12.0)
    assert trials[2].user_attrs["reason"] == RECORDS[2].outcome.reason


def test_no_trial_ends_before_its_start_when_summer_time_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an hour until 2026-10-25 01:10 UTC, which is 02:10 in Berlin and began at 02:40."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        path = str(tmp_path / "mirror")
        outcome = replace(RECORDS[0].outcome, seconds=1800.0)
        record = replace(RECORDS[0], outcome=outcome, time=1792890600.0)
        assert fill(Mirror(opener(path), name=path), [record]) == ""
        with load(path) as study:
            duration = study.trials[0].duration
        assert duration is not None
        assert duration.total_seconds() == 1800.0
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("state", [state for state in State if state is not State.COMPLETE])
def test_every_state_has_a_trial(state: State, tmp_path: Path) -> None:
    path = str(tmp_path / "mirror")
    outcome = Outcome(state=state, reward=0.0, metrics=whole_metrics(), reason="because")
    assert fill(Mirror(opener(path), name=path), [replace(RECORDS[0], outcome=outcome)]) == ""
    with load(path) as study:
        assert study.trials[0].user_attrs["state"] == str(state)
        assert study.trials[0].value is None


def test_each_rung_of_a_candidate_is_a_trial(url: str) -> None:
    rungs = [at_rung(RECORDS[0], 0), RECORDS[1], at_rung(RECORDS[0], 1)]
    assert fill(Mirror(opener(url), name=url), rungs) == ""
    newest = [rungs[2], RECORDS[1]]  # the records of a resumed search
    assert fill(Mirror(opener(url), name=url), newest) == ""
    with load(url) as study:
        places = [(t.user_attrs["candidate"], t.user_attrs.get("rung", 0)) for t in study.trials]
    assert places == [(0, 0), (1, 0), (0, 1)]


def test_the_study_of_another_run_is_not_changed(url: str) -> None:
    assert fill(Mirror(opener(url), name=url), RECORDS[:1]) == ""
    assert fill(Mirror(opener(url, run="b" * 32), name=url), RECORDS) == ""
    with load(url) as theirs, load(url, "digits-bbbbbbbb") as ours:
        assert (len(theirs.trials), len(ours.trials)) == (1, 5)


def test_a_journal_with_an_unfinished_line_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "mirror"
    assert fill(Mirror(opener(str(path)), name="journal"), RECORDS[:2]) == ""
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])  # into the second trial
    assert fill(Mirror(opener(str(path)), name="journal"), RECORDS) == ""
    with load(str(path)) as study:
        assert [t.user_attrs["candidate"] for t in study.trials] == [0, 1, 2, 3, 5]


def test_a_file_that_is_no_storage_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "mirror.db"
    path.write_bytes(b"this is not a database, and nobody's to overwrite" * 100)
    with Mirror(opener(f"sqlite:///{path}"), name="file") as mirror:
        mirror.add(RECORDS)
        end = time.monotonic() + WAIT_S
        while not mirror.error and time.monotonic() < end:
            time.sleep(0.01)
        assert "file is not a database" in mirror.close(0.0)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "must name a file"),
        ("nowhere/at/all.log", "the folder of nowhere/at/all.log must exist"),
        ("/tmp", "must name a file"),
        ("postgresql://nas:***@host/nas", "was masked when it was written down"),
        ("postgresql://host/nas?user=a&password=***", "was masked when it was written down"),
        ("sqlite://", "must name a file"),
        ("sqlite:////nowhere/at/all.db", "the folder of /nowhere/at/all.db must exist"),
        ("carrier-pigeon://home", "must be a journal file, sqlite:///FILE or postgresql://"),
        ("mysql://nas@host/nas", "the driver of mysql:// is not installed"),
    ],
)
def test_an_impossible_address_is_refused_before_the_search(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://nas:se@cret@host:5/db", "postgresql://nas:***@host:5/db"),
        ("postgresql://nas@host/db", "postgresql://nas@host/db"),
        ("postgresql://host/db?user=a&password=b&c=d", "postgresql://host/db?user=a&password=***&c=d"),
        ("mysql+pymysql://:se%40cret@host/db", "mysql+pymysql://:***@host/db"),
        ("postgresql:///db?passwd=a&sslpassword=b", "postgresql:///db?passwd=***&sslpassword=***"),
        ("sqlite:///runs/a.db", "sqlite:///runs/a.db"),
        ("runs/a:b@c.log", "runs/a:b@c.log"),
        ("--mirror=postgresql://nas:secret@host/db", "--mirror=postgresql://nas:***@host/db"),
    ],
)  # fmt: skip
def test_a_password_is_masked(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize("url", ["postgresql://nas:pa%24s@host/db", "mysql:///db?password=pa%24s"])
def test_a_password_is_masked_in_the_text_of_a_driver(url: str) -> None:
    """The driver may quote the password, here pa$s, encoded as in the URL, or decoded."""
    masked = password_mask(url)
    assert masked(f"connection to {url!r} failed: 'pa$s'") == (
        f"connection to {url.replace('pa%24s', '***')!r} failed: '***'"
    )
    assert masked("no such host") == "no such host"
    assert password_mask("runs/mirror.log")("no such file") == "no such file"


def test_a_password_is_not_in_the_report_of_missing_candidates() -> None:
    def broken() -> NoReturn:
        raise OSError("login of nas:secret at host failed")

    masked = password_mask("postgresql://nas:secret@host/db")
    with Mirror(broken, name="m", masked=masked, first_retry_s=0.01) as mirror:
        mirror.add(RECORDS)
        said = mirror.close(patience_s=0.2)
    assert "login of nas:*** at host failed" in said
    assert "secret" not in said


def test_a_url_that_cannot_be_parsed_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match="--mirror must be a journal file") as refused:
        check_url("postgresql://nas:sec@ret@host:port/db")
    assert str(refused.value).endswith("got 'postgresql://nas:***@host:port/db'")
    assert refused.value.__cause__ is None


def test_the_password_is_not_in_the_written_settings() -> None:
    pytest.importorskip("psycopg")
    config = type(CONFIG).model_validate(
        {**CONFIG.model_dump(), "mirror": "postgresql://nas:secret@host/db"}
    )
    assert config.mirror == "postgresql://nas:secret@host/db"
    assert "secret" not in str(config.model_dump(mode="json"))
    assert "mirror" not in config.identity()
