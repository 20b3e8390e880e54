"""The winner next to the reference network: shares of costs, differences, a removed stage."""

from dataclasses import replace

import pytest

from nas.report.search_page.networks import compared, stages_table
from tests.nas.nas_records import TINY, failed, trained
from tests.nas.report.search_page.searches import search


def test_every_part_of_both_networks_has_its_shares() -> None:
    found = compared(search([trained(0, 0.5, depth=3)]))
    assert found is not None
    for side in (0, 1):
        parts = [pair[side] for pair in found.pairs if pair[side] is not None]
        assert sum(part.params_share for part in parts if part) == pytest.approx(1)
        assert sum(part.macs_share for part in parts if part) == pytest.approx(1)
    names = [(ours or theirs).name for ours, theirs in found.pairs if ours or theirs]  # type: ignore[union-attr]
    assert names == ["stem", *(f"stage {n}" for n in range(1, 6)), "head"]


def test_a_removed_stage_has_no_part_on_the_winners_side() -> None:
    found = compared(search([trained(0, 0.5)]))  # its last stage has depth 0
    assert found is not None
    ours, theirs = found.pairs[5]
    assert ours is None
    assert theirs is not None
    assert theirs.name == "stage 5"


def test_what_differs_from_the_reference_network_is_marked() -> None:
    reference = TINY.choices(TINY.reference())
    chosen = TINY.canonical({**reference, "stage2.kernel_size": 5, "stage3.block": "fused_mbconv"})
    record = trained(0, 0.5)
    found = compared(
        search([replace(record, candidate=replace(record.candidate, choices=chosen))])
    )
    assert found is not None
    marked = {
        ours.name: {word for word, is_changed in ours.words if is_changed}
        for ours, _ in found.pairs
        if ours
    }
    assert marked["stage 1"] == set()
    assert marked["stage 2"] == {"kernel 5"}
    assert marked["stage 3"] == {"Fused-MBConv"}
    rows = stages_table(found).rows
    assert [row.cells[:2] for row in rows[:2]] == [("stem", "winner"), ("stem", "reference")]


def test_without_a_winner_there_is_nothing_to_compare() -> None:
    assert compared(search([failed(0)])) is None
