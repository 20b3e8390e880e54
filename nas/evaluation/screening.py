"""Constraints at work: on what is predicted before any training, and on what was measured."""

from collections.abc import Callable, Mapping

from nas.candidate import Choices, Metric, Outcome, State
from nas.evaluation.forecast import Forecaster
from nas.settings.config import SearchConfig
from nas.settings.constraint import Constraint

# How many times its own mean error a predicted step time may be off before it rules out a
# candidate. Of errors that follow a normal distribution, one in nine is larger than twice
# their mean, half of them on this side; the measured time catches what is let through.
MARGIN = 2.0


def constraint_screen(config: SearchConfig, forecast: Forecaster) -> Callable[[Choices], str]:
    """Return what tells why choices break a constraint, before anything is built.

    A predicted step time rules a candidate out only if it violates the limit by more than
    `MARGIN` times the table's own error.
    """
    constraints = [Constraint.parse(text) for text in config.constraints]
    margin = min(MARGIN * forecast.step_time_error, 1.0)

    def screen(choices: Choices) -> str:
        if not constraints:
            return ""
        costs = forecast(choices).costs()
        found = []
        for one in constraints:
            reason = one.violation(costs, margin=margin)
            if reason and one.quantity not in ("params", "macs"):
                reason = f"predicted {reason}"
            found.append(reason)
        return "; ".join(filter(None, found))

    return screen


def judged_by_measurement(outcome: Outcome, constraints: tuple[str, ...]) -> Outcome:
    """Return `outcome`, or an infeasible one where what was measured breaks a constraint.

    The measured value decides. An infeasible outcome keeps its metrics and its cost; its reward
    is zero. Memory is judged on a GPU only: on a CPU the measured peak is the whole process's,
    libraries included, and the prediction stands.
    """
    if outcome.state is not State.COMPLETE:
        return outcome
    reason = measured_violation(outcome.metrics, constraints)
    if not reason:
        return outcome
    return Outcome(
        state=State.INFEASIBLE,
        reward=0.0,
        metrics=outcome.metrics,
        reason=reason,
        worker=outcome.worker,
        seconds=outcome.seconds,
    )


def measured_violation(metrics: Mapping[str, Metric], constraints: tuple[str, ...]) -> str:
    """Return which constraints break by what was measured, or an empty text."""
    costs = _measured_costs(metrics)
    parsed = (Constraint.parse(text) for text in constraints)
    return "; ".join(f"measured {why}" for one in parsed if (why := one.violation(costs)))


def _measured_costs(metrics: Mapping[str, Metric]) -> dict[str, float]:
    names = {"step_time": "relative_step_time", "step_time_s": "step_time_s"}
    if metrics.get("timing_clock") != "process_cpu":
        names["memory"] = "peak_memory_bytes"
    return {name: float(metrics[key]) for name, key in names.items() if key in metrics}
