"""Decisions on the page: rewards of every option, and what is said about importances."""

from nas.analysis.importance import Importance, Importances
from nas.report.search_page.decisions import (
    importances_chart,
    importances_note,
    importances_of,
    options_table,
)
from tests.nas.nas_records import trained
from tests.nas.report.search_page.searches import search

FEW = Importances(evaluator="MeanDecreaseImpurity", num_candidates=3)
FOUND = Importances(
    evaluator="PED-ANOVA",
    num_candidates=300,
    share_of_chance=0.2,
    decisions=(
        Importance(decision="stage1.depth", share=0.75, is_above_chance=True),
        Importance(decision="stage1.block", share=0.25, is_above_chance=True),
        Importance(decision="stage2.depth", share=0.0, is_above_chance=False),
    ),
)


def test_every_option_has_its_candidates_and_mean_reward() -> None:
    run = search([trained(0, 0.2), trained(1, 0.4), trained(2, 0.9, depth=2)])
    table = options_table(run, FEW)
    rows = {row.cells[:2]: row.cells[2:6] for row in table.rows}
    assert rows["stage 1: depth", "1"] == (2, (0.2 + 0.4) / 2, 0.4, None)
    assert rows["stage 1: depth", "2"] == (1, 0.9, 0.9, "winner's choice")
    assert rows["stage 1: depth", "3"] == (0, None, None, None)
    assert rows["stage 5: kernel", "stage removed"][0] == 3


def test_the_note_says_how_importances_were_computed_or_why_not() -> None:
    assert importances_note(FEW).startswith("Not computed: 3 candidates are too few")
    note = importances_note(FOUND)
    assert "PED-ANOVA" in note
    assert "300 candidates" in note
    assert "up to 20.00 %. 2 decisions exceed that; the other 1 may have no effect." in note
    assert importances_of(search([trained(0, 0.5)])).decisions == ()


def test_decisions_above_chance_have_another_colour() -> None:
    chart = importances_chart(FOUND)
    bars = [(row.label, row.spans[0].end, row.spans[0].color) for row in chart.rows]
    assert bars == [
        ("stage 1: depth", 75.0, "one"),
        ("stage 1: block", 25.0, "one"),
        ("stage 2: depth", 0.0, "quiet"),
    ]
