"""A search's candidates as trials of an Optuna storage, for dashboards and colleagues."""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from nas.candidate import Record, State
from nas.engine.choice_space import Decision
from nas.mirror.url import POSTGRESQL, SQLITE, is_file, parse_url

NUMBER, RUN = "candidate", "run_id"  # user attributes of a trial and of the study

# Without these, a server that vanished is waited for until the kernel gives up, in a quarter of
# an hour or more (libpq's parameters; seconds, but tcp_user_timeout in milliseconds).
_LIBPQ = {
    "connect_timeout": 10,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "nas-search",
}

# A candidate that was not trained, or may not win, is neither a result nor an error.
_STATES = {
    State.COMPLETE: TrialState.COMPLETE,
    State.FAIL: TrialState.FAIL,
    State.INFEASIBLE: TrialState.PRUNED,
    State.DROPPED: TrialState.PRUNED,
}


class MirrorStudy:
    """The study of a run, opened for adding what it has not got.

    Attributes:
        present: Number and rung of the candidates that it holds.
    """

    def __init__(self, url: str, name: str, run_id: str, decisions: Iterable[Decision]) -> None:
        """Open the study called `name`, or make it; it takes as long as the storage takes.

        A study of that name that is of another run is left alone, and ours gets a longer name.

        Raises:
            Exception: Whatever the storage and its driver raise.
        """
        logging.getLogger("optuna.storages").setLevel(logging.ERROR)  # we report of it ourselves
        self._distributions = {
            decision.name: CategoricalDistribution(decision.options) for decision in decisions
        }
        self._storage = _open_storage(url)
        try:
            self._study = self._claim(name, run_id) or self._claim(f"{name}-{run_id[:8]}", run_id)
            if self._study is None:
                raise ValueError(f"the studies {name} and {name}-{run_id[:8]} are of other runs")
            self.present = {
                (trial.user_attrs[NUMBER], trial.user_attrs.get("rung", 0))
                for trial in self.trials()
                if NUMBER in trial.user_attrs
            }
        except BaseException:
            self.close()
            raise

    def trials(self) -> list[FrozenTrial]:
        """Return what the storage holds of the run.

        Raises:
            Exception: Whatever the storage and its driver raise.
        """
        assert self._study is not None
        return self._study.get_trials(deepcopy=False)

    def add(self, record: Record) -> None:
        """Add a candidate that is not there.

        Raises:
            Exception: Whatever the storage and its driver raise; open the study anew after it.
        """
        assert self._study is not None
        self._study.add_trial(self._trial(record))
        self.present.add((record.candidate.number, record.rung))

    def close(self) -> None:
        """Let go of the storage."""
        if isinstance(self._storage, optuna.storages.RDBStorage):
            self._storage.remove_session()
            self._storage.engine.dispose()

    def _claim(self, name: str, run_id: str) -> optuna.Study | None:
        """Return the study of that name, made if need be, or None if it is another run's."""
        study = optuna.create_study(
            storage=self._storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(),
        )
        owner = study.user_attrs.get(RUN)
        if owner is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(RUN, run_id)
            owner = run_id
        return study if owner == run_id else None

    def _trial(self, record: Record) -> FrozenTrial:
        candidate, outcome = record.candidate, record.outcome
        is_complete = outcome.state is State.COMPLETE
        attributes: dict[str, Any] = {
            **outcome.metrics.to_dict(),
            NUMBER: candidate.number,
            "key": candidate.key,
            "state": str(outcome.state),
            "seconds": outcome.seconds,
            "worker": outcome.worker,
            **({"reason": outcome.reason} if outcome.reason else {}),
            **({"deaths": record.deaths} if record.deaths else {}),
        }
        trial = optuna.trial.create_trial(
            state=_STATES[outcome.state],
            value=outcome.reward if is_complete else None,
            params=dict(candidate.choices),
            distributions={name: self._distributions[name] for name in candidate.choices},
            user_attrs=attributes,
        )
        trial.datetime_start = datetime.fromtimestamp(record.time - outcome.seconds)
        trial.datetime_complete = datetime.fromtimestamp(record.time)
        return trial


def _open_storage(url: str) -> optuna.storages.BaseStorage:
    if is_file(url):
        path = Path(url).resolve()  # the lock beside it is a link to it, by this very name
        lock = JournalFileSymlinkLock(str(path))
        _cut_torn_line(path, lock)
        return optuna.storages.JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    parsed = parse_url(url)
    backend = parsed.get_backend_name()
    arguments: dict[str, Any] = {}
    if backend == SQLITE:
        arguments = {"timeout": 10}
    elif backend == POSTGRESQL and parsed.get_driver_name().startswith("psycopg"):
        arguments = {name: value for name, value in _LIBPQ.items() if name not in parsed.query}
    return optuna.storages.RDBStorage(
        parsed.render_as_string(hide_password=False), engine_kwargs={"connect_args": arguments}
    )


def _cut_torn_line(path: Path, lock: JournalFileSymlinkLock) -> None:
    """Cut what a killed writer left unfinished: Optuna would glue its next line to it."""
    if not path.exists():
        return
    lock.acquire()
    try:
        with path.open("rb+") as file:
            size = file.seek(0, 2)
            kept = path.read_bytes().rfind(b"\n") + 1
            if kept < size:
                file.truncate(kept)
    finally:
        lock.release()
