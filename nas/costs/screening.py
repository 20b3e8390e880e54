"""Constraints applied to predicted costs before training and to measured costs after it."""

from collections.abc import Sequence
from dataclasses import replace

from nas.candidate import Choices, Outcome, State
from nas.costs.constraint import Constraint
from nas.costs.predictor import CostPredictor
from trainer.proxy.measurement import MeasuredCosts

# A predicted step time excludes a candidate only if it exceeds the limit by this many mean
# errors of the table. Of normally distributed errors, one in nine is larger than two mean
# errors, half of them in this direction; the measured step time finds what passes.
ERROR_MARGIN = 2.0


class PreTrainingFilter:
    """Finds the constraints that a candidate violates by its predicted costs."""

    def __init__(self, constraints: Sequence[Constraint], predictor: CostPredictor) -> None:
        self._constraints, self._predictor = tuple(constraints), predictor
        self._margin = min(ERROR_MARGIN * predictor.step_time_error, 1.0)

    def violation(self, choices: Choices) -> str:
        """Return the violated constraints as one line, or an empty string.

        Raises:
            ValueError: If `choices` are not a point of the space.
        """
        if not self._constraints:
            return ""
        costs = self._predictor.costs(choices).by_quantity()
        found = []
        for constraint in self._constraints:
            reason = constraint.violation(costs, margin=self._margin)
            if reason and constraint.quantity not in ("params", "macs"):
                reason = f"predicted {reason}"
            found.append(reason)
        return "; ".join(filter(None, found))


def apply_measured_constraints(outcome: Outcome, constraints: Sequence[Constraint]) -> Outcome:
    """Return `outcome`, or an infeasible one where the measured costs violate a constraint.

    An infeasible outcome keeps its metrics and its duration; its reward is zero.
    """
    if outcome.state is not State.COMPLETE or outcome.metrics.costs is None:
        return outcome
    reason = measured_violation(outcome.costs, constraints)
    if not reason:
        return outcome
    return replace(outcome, state=State.INFEASIBLE, reward=0.0, reason=reason)


def measured_violation(measured: MeasuredCosts, constraints: Sequence[Constraint]) -> str:
    """Return the constraints that the measured costs violate, or an empty string.

    Memory is checked on a GPU only: on a CPU the measured peak is that of the whole process,
    libraries included.
    """
    costs = {"step_time": measured.relative_step_time, "step_time_s": measured.step_time_s}
    if measured.timing.clock != "process_cpu":
        costs["memory"] = measured.timing.peak_memory_bytes
    return "; ".join(f"measured {why}" for one in constraints if (why := one.violation(costs)))
