"""What a trial of Ray Tune is here: one candidate, evaluated in a process that is used again."""

import json
import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ray import tune

from nas.candidate import Candidate
from nas.results import Evaluate, Results

OUTCOME, CRASH, MACHINE = "outcome", "crash", "machine"  # keys of a trial's result


class CandidateTrainable(tune.Trainable):  # type: ignore[misc]
    """One candidate in one step; the process and its evaluator serve one trial after another."""

    def setup(
        self, config: dict[str, Any], *, pickled_make_evaluate: bytes, results: Results
    ) -> None:
        """Take note; an error here would look like the death of a process."""
        os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is later
        self._candidate, self._results = Candidate.from_dict(config), results
        self._pickled = pickled_make_evaluate
        self._evaluate: Evaluate | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Go on to another candidate in the same process."""
        self._candidate = Candidate.from_dict(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Evaluate, and report the outcome or our fault."""
        try:
            if self._evaluate is None:
                make_evaluate: Callable[[], Evaluate] = pickle.loads(self._pickled)
                self._evaluate = make_evaluate()
            outcome = self._results.obtain(self._candidate, self._evaluate)
        except OSError as error:  # of this machine, such as a full disk: no traceback helps
            return {MACHINE: str(error), "reward": 0.0, "done": True}
        except Exception:  # noqa: BLE001 (it is raised again, in the driver)
            return {CRASH: traceback.format_exc(), "reward": 0.0, "done": True}
        report = {"reward": outcome.reward, OUTCOME: json.dumps(outcome.to_dict())}
        return {**report, "done": True}
