"""Importance of each decision, and the mean reward of each of its options."""

from statistics import fmean

from nas.analysis.importance import (
    MIN_CANDIDATES,
    NUM_SHUFFLES,
    Importances,
    decision_importances,
)
from nas.analysis.ranking import at_highest_rung
from nas.report.frame.chart import Axis, ChartRow, Color, Rows, Span
from nas.report.frame.table import Cell, Column, Row, Table
from nas.report.search_page.plain_names import decision_name, option_name
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import percent
from search_space.counted import counted

_ABOVE: Color = "one"
_NOT_ABOVE: Color = "quiet"


def importances_of(run: SearchRun) -> Importances:
    """Return the importances of the decisions for the reward."""
    return decision_importances(run.records, run.space.decisions(), seed=run.files.config.seed)


def importances_note(found: Importances) -> str:
    """Return how the importances were computed, or why they were not."""
    if not found.decisions:
        verb = "is" if found.num_candidates == 1 else "are"
        some = f"{counted(found.num_candidates, 'candidate')} {verb}"
        return (
            f"Not computed: {some} too few to tell the decisions apart. It takes "
            f"{MIN_CANDIDATES} trained candidates with different rewards."
        )
    above = sum(one.is_above_chance for one in found.decisions)
    return (
        f"Computed by Optuna's evaluator {found.evaluator} from the rewards of "
        f"{found.num_candidates} candidates. The rewards were also shuffled {NUM_SHUFFLES} times, "
        "so that no decision had an effect: then the most important one reached up to "
        f"{percent(found.share_of_chance)}. {_above(above, len(found.decisions))}"
    )


def _above(above: int, decisions: int) -> str:
    if not above:
        return "No decision exceeds that: these candidates do not tell the decisions apart."
    exceed = "1 decision exceeds that" if above == 1 else f"{above} decisions exceed that"
    return f"{exceed}; the other {decisions - above} may have no effect."


def importances_chart(found: Importances) -> Rows:
    """Return one bar for each decision, stage by stage."""
    rows = []
    for one in found.decisions:
        name, share = decision_name(one.decision), 100 * one.share
        facts = (
            ("importance", percent(one.share)),
            ("with shuffled rewards, up to", percent(found.share_of_chance)),
        )
        color = _ABOVE if one.is_above_chance else _NOT_ABOVE
        span = Span(start=0.0, end=share, label=name, facts=facts, color=color)
        rows.append(ChartRow(label=name, spans=(span,)))
    return Rows(
        name="importance",
        title="Importance of each decision for the reward",
        x=Axis(label="share of the importance of all decisions", unit="%", low=0.0),
        rows=tuple(rows),
        legend=(
            (_ABOVE, "more than with shuffled rewards"),
            (_NOT_ABOVE, "not more than with shuffled rewards"),
        ),
    )


def options_table(run: SearchRun, found: Importances) -> Table:
    """Return one row for each option: how often it was tried, and its rewards."""
    trained, best = at_highest_rung(run.records), run.winner
    importance = {one.decision: one for one in found.decisions}
    rows = []
    for decision in run.space.decisions():
        options = (*decision.options, None) if decision.requires else decision.options
        one = importance.get(decision.name)
        for option in options:
            rewards = [
                record.outcome.reward
                for record in trained
                if record.candidate.choices.get(decision.name) == option
            ]
            is_winners = best is not None and best.candidate.choices.get(decision.name) == option
            cells: tuple[Cell, ...] = (
                *(decision_name(decision.name), option_name(option), len(rewards)),
                fmean(rewards) if rewards else None,
                max(rewards) if rewards else None,
                "winner's choice" if is_winners else None,
                None if one is None else 100 * one.share,
                None if one is None else "yes" if one.is_above_chance else "no",
            )
            rows.append(Row(cells, "best" if is_winners else ""))
    return Table(
        name="decisions",
        caption="Every option of every decision",
        columns=(
            *(Column(head="decision"), Column(head="option"), Column(head="candidates")),
            *(Column(head="mean reward", digits=4), Column(head="best reward", digits=4)),
            Column(head="note"),
            Column(head="importance of the decision", unit="%", digits=1),
            Column(head="more than with shuffled rewards"),
        ),
        rows=tuple(rows),
    )
