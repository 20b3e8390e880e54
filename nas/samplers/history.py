"""The complete trials of a study in their order, without looking at all of them every time."""

import threading
import weakref
from bisect import insort
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Protocol, runtime_checkable

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


@runtime_checkable
class StudySampler(Protocol):
    """A sampler that keeps what it worked out of the trials from one proposal to the next.

    What it keeps is a cache: a sampler that begins with an empty one proposes the same.
    """

    def for_proposal(self, seed: int) -> BaseSampler:
        """Return the same sampler with random numbers of its own, sharing what is kept."""


class History:
    """Keeps a study's complete trials in the order of completion; a look costs what is new.

    One history serves one study at a time and begins anew with another. Copies and pickles of
    it are empty.

    Attributes:
        version: Changes whenever something else than the end of the list has changed, and so
            whatever was worked out of the list has to be worked out again.
    """

    def __init__(self) -> None:
        self.version = 0
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._storage: weakref.ref[Any] | None = None
        self._study_id = -1
        self._seen = 0
        self._open: list[int] = []
        self._complete: list[FrozenTrial] = []

    def look(self, study: Study) -> Sequence[FrozenTrial]:
        """Return the complete trials, oldest first; neither they nor the list may be changed."""
        trials = study.get_trials(deepcopy=False)
        if trials and trials[-1].number != len(trials) - 1:  # a pruner shows us only some
            return sorted(filter(_is_complete, trials), key=completion)
        with self._lock:
            if self._study_of() != (study._storage, study._study_id) or len(trials) < self._seen:
                self._forget()
                self._storage, self._study_id = weakref.ref(study._storage), study._study_id
                self.version += 1
            self._take_in(trials)
            return self._complete

    def _take_in(self, trials: Sequence[FrozenTrial]) -> None:
        open_trials = [
            trials[number] for number in chain(self._open, range(self._seen, len(trials)))
        ]
        self._open = [trial.number for trial in open_trials if not trial.state.is_finished()]
        self._seen = len(trials)
        for trial in sorted(filter(_is_complete, open_trials), key=completion):
            if self._complete and completion(trial) < completion(self._complete[-1]):
                insort(self._complete, trial, key=completion)
                self.version += 1
            else:
                self._complete.append(trial)

    def _study_of(self) -> tuple[Any, int]:
        return (self._storage() if self._storage else None), self._study_id

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]


def completion(trial: FrozenTrial) -> tuple[int, datetime, int]:
    """Return what orders trials by completion: the search's own count, else Optuna's clock."""
    finished = trial.datetime_complete or datetime.min
    return (trial.user_attrs.get("told", -1), finished, trial.number)


def _is_complete(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.COMPLETE
