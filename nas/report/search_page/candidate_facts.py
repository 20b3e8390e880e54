"""What is said about a candidate, and what the charts show of it."""

from nas.candidate import Record
from nas.report.frame.chart import Facts
from nas.report.search_page.plain_names import stage_words
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import count, milliseconds, percent


def step_time_of(record: Record) -> float:
    """Return the step time / the reference network's."""
    return record.outcome.costs.relative_step_time


def params_of(record: Record) -> float:
    """Return the number of parameters."""
    return float(record.outcome.costs.num_params)


def accuracy_of(record: Record) -> float:
    """Return the accuracy in percent."""
    return 100 * record.outcome.training.accuracy


def measured_facts(record: Record) -> Facts:
    """Return the measurements of a trained candidate."""
    outcome = record.outcome
    costs = outcome.costs
    return (
        ("reward", f"{outcome.reward:.4f}"),
        ("accuracy", percent(outcome.training.accuracy)),
        ("step time", f"{milliseconds(costs.step_time_s)}, {costs.relative_step_time:.2f}x"),
        ("parameters", f"{count(costs.num_params)}, {costs.relative_params:.2f}x"),
    )


def facts_of(run: SearchRun, record: Record) -> Facts:
    """Return what is said about a trained candidate: measurements, and its stages."""
    stages = run.space.architecture(record.candidate.choices).stages
    return (
        *measured_facts(record),
        *((f"stage {n}", stage_words(stage)) for n, stage in enumerate(stages, start=1)),
    )
