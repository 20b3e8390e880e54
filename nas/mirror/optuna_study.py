"""Mirror target: an Optuna study with one trial per candidate, for dashboards."""

import logging
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
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

# libpq's parameters; seconds, but tcp_user_timeout in milliseconds. With its defaults a lost
# connection is noticed only after a quarter of an hour or more.
_LIBPQ = {
    "connect_timeout": 10,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "nas-search",
}


class MirrorStudy:
    """The Optuna study of a run, opened for adding trials; implements `MirrorTarget`.

    Attributes:
        present: Candidate number and rung of each trial that it contains.
        study: The Optuna study.
    """

    def __init__(self, url: str, name: str, run_id: str, decisions: Iterable[Decision]) -> None:
        """Open the study called `name`, or create it; this may block.

        If a study of this name belongs to another run, ours gets a longer name.

        Args:
            url: An Optuna storage's URL, or the path of a journal file.
            name: Name of the study.
            run_id: The run's identifier, recorded in the study.
            decisions: Decisions of the search space.

        Raises:
            Exception: Any error of the storage or its driver.
        """
        logging.getLogger("optuna.storages").setLevel(logging.ERROR)  # `Mirror` reports errors
        kind = CategoricalDistribution
        self._distributions = {one.name: kind(one.options) for one in decisions}
        self._storage = _open_storage(url)
        try:
            study = self._claim(name, run_id) or self._claim(f"{name}-{run_id[:8]}", run_id)
            if study is None:
                raise ValueError(f"the studies {name} and {name}-{run_id[:8]} are of other runs")
            self.study = study
            self.present = {
                (trial.user_attrs[NUMBER], trial.user_attrs.get("rung", 0))
                for trial in study.get_trials(deepcopy=False)
                if NUMBER in trial.user_attrs
            }
        except BaseException:
            self.close()
            raise

    def add(self, record: Record) -> None:
        """Add a record that is not present, and its number and rung to `present`.

        Raises:
            Exception: Any error of the storage or its driver; the study must then be reopened.
        """
        self.study.add_trial(self._trial(record))
        self.present.add((record.candidate.number, record.rung))

    def close(self) -> None:
        """Close the connections to the storage."""
        if isinstance(self._storage, optuna.storages.RDBStorage):
            self._storage.remove_session()
            self._storage.engine.dispose()

    def _claim(self, name: str, run_id: str) -> optuna.Study | None:
        """Return the study called `name`, or None if it belongs to another run."""
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
        trial = optuna.trial.create_trial(
            # Not trained, or violates a constraint: neither a result nor an error.
            state=TrialState.__members__.get(outcome.state, TrialState.PRUNED),
            value=outcome.reward if outcome.state is State.COMPLETE else None,
            params=dict(candidate.choices),
            distributions={name: self._distributions[name] for name in candidate.choices},
            user_attrs={
                **outcome.metrics.to_dict(),
                NUMBER: candidate.number,
                "key": candidate.key,
                "state": str(outcome.state),
                "seconds": outcome.seconds,
                "worker": outcome.worker,
                **({"reason": outcome.reason} if outcome.reason else {}),
                **({"deaths": record.deaths} if record.deaths else {}),
            },
        )
        ended = datetime.fromtimestamp(record.time)
        trial.datetime_complete = ended
        # Optuna's local times have no zone, so a change to winter time must not come between.
        trial.datetime_start = ended - timedelta(seconds=max(0.0, outcome.seconds))
        return trial


def _open_storage(url: str) -> optuna.storages.BaseStorage:
    if is_file(url):
        path = Path(url).resolve()  # the lock file is a symbolic link to this name
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
    """Remove an unfinished last line, to which Optuna would append its next line."""
    if not path.exists():
        return
    lock.acquire()
    try:
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    finally:
        lock.release()
