"""Incremental views of a study: what is new in it, and its complete trials in order."""

import threading
import weakref
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.candidate import State


class TrialTracker:
    """Finds what is new in a study, at a cost that depends only on what is new.

    One tracker serves one study at a time and restarts with another. Copies and pickles of it
    restart too, so that objects that hold a tracker can be copied and pickled.

    Attributes:
        lock: Reentrant lock for the objects that keep what they computed from the trials.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._storage: weakref.ref[Any] | None = None
        self._study_id = self._num_seen = 0
        self._unfinished: list[int] = []

    def update(self, study: Study) -> tuple[bool, list[FrozenTrial]]:
        """Return what has changed since the last call; the trials must not be changed.

        Returns:
            Whether the calls before do not count. The trials that are new, or were unfinished
            at the last call, by number; all trials if the calls before do not count.
        """
        trials = study.get_trials(deepcopy=False)
        # Some pruners pass a view of the study that has only some of the trials.
        is_whole = not trials or trials[-1].number == len(trials) - 1
        storage = self._storage() if self._storage else None
        is_same = (storage, self._study_id) == (study._storage, study._study_id)
        restarted = not (is_whole and is_same) or len(trials) < self._num_seen
        if restarted:
            self._num_seen, self._unfinished = 0, []
        indices = chain(self._unfinished, range(self._num_seen, len(trials)))
        changed = [trials[index] for index in indices]
        self._unfinished = [trial.number for trial in changed if not trial.state.is_finished()]
        self._storage = weakref.ref(study._storage) if is_whole else None
        self._study_id, self._num_seen = study._study_id, len(trials)
        return restarted, changed

    def __reduce__(self) -> tuple[type["TrialTracker"], tuple[()]]:
        return TrialTracker, ()


class History:
    """Follows the complete trials of a study in the order of completion.

    A subclass can keep a state that is computed from the trials in this order: `_append` adds
    one trial to it, `_restart` starts from no trials. The trials so far are in `_trials`. The
    state must be read under the tracker's lock, which `update` also holds.
    """

    def __init__(self) -> None:
        self._tracker = TrialTracker()
        self._trials: list[FrozenTrial] = []
        self._restart()

    def update(self, study: Study) -> Sequence[FrozenTrial]:
        """Return the complete trials, oldest first; neither they nor the list may be changed."""
        with self._tracker.lock:
            restarted, changed = self._tracker.update(study)
            new = [trial for trial in changed if trial.state is TrialState.COMPLETE]
            known = [] if restarted else self._trials
            is_late = new and known and min(map(completion, new)) < completion(known[-1])
            if restarted or is_late:
                new, self._trials = [*known, *new], []
                self._restart()
            for trial in sorted(new, key=completion):
                self._trials.append(trial)
                self._append(trial, study)
            return self._trials

    def _restart(self) -> None:
        """Forget the state."""

    def _append(self, trial: FrozenTrial, study: Study) -> None:
        """Add the trial, the last of `_trials`, to the state."""


def completion(trial: FrozenTrial) -> tuple[int, datetime, int]:
    """Return the sort key of the order of completion: the search's count, then Optuna's clock."""
    finished = trial.datetime_complete or datetime.min
    return (trial.user_attrs.get("told", -1), finished, trial.number)


def has_reward(trial: FrozenTrial) -> bool:
    """Return whether the value of a complete trial is comparable: its candidate did not fail."""
    return bool(trial.user_attrs.get("state", State.COMPLETE) == State.COMPLETE)


def direction_sign(study: Study) -> float:
    """Return 1 if the only objective of a study is maximized, -1 if it is minimized."""
    return 1.0 if study.direction is StudyDirection.MAXIMIZE else -1.0
