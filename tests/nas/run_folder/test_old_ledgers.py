"""Ledgers without checksums, whose damage may still be JSON: an error that names the file."""

import shutil
from pathlib import Path

import pytest

from nas.run_folder.opening import read_run

GOLDEN = Path(__file__).parents[2] / "golden" / "runs" / "full"


def test_a_trained_candidate_without_costs_is_damage_of_the_ledger(tmp_path: Path) -> None:
    run = Path(shutil.copytree(GOLDEN, tmp_path / "run"))
    ledger = run / "ledger.jsonl"
    text = ledger.read_text(encoding="utf-8")
    assert '"step_time_s":' in text
    ledger.write_text(text.replace('"step_time_s":', '"step_timd_s":', 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"ledger\.jsonl.*damaged"):
        read_run(run)
