"""Checks that the folder of a run is complete after its writers were killed."""

import json
import math
from pathlib import Path

import pandas as pd
import yaml

from nas.candidate import Outcome, State
from nas.engine.events import Proposed
from nas.engine.ledger import read_ledger
from nas.engine.search_state import SearchState
from nas.settings.config import SearchConfig
from search_space.architecture_file import load_architecture
from search_space.checksum import has_right_comment, is_intact


def require_whole(run: Path) -> None:
    """Read all files of the run and compare them with the ledger.

    Raises:
        Exception: That of the reader of a damaged file, or an AssertionError.
    """
    assert not list(run.rglob("*.damaged")), "a session found a damaged file"
    if not (run / "ledger.jsonl").exists() or not (run / "ledger.jsonl").read_bytes():
        assert not any((run / "results").glob("*.json")), "results without a ledger"
        return  # killed before the first line
    contents = read_ledger(run / "ledger.jsonl")
    state = SearchState(contents.events)
    keys = {event.number: event.key for event in contents.events if isinstance(event, Proposed)}
    assert contents.has_checksums
    for path in [*(run / "results").glob("*.json"), *(run / "finalists").glob("*.json")]:
        assert is_intact(path.read_bytes()), path
    for path in (run / "results").glob("*.json"):
        result = json.loads(path.read_bytes())
        assert result["run_id"] == contents.run_id, path
        assert result["key"] == keys[int(path.stem)], path
        Outcome.from_dict(result["outcome"])
    for record in state.records:
        if record.outcome.state is not State.INFEASIBLE:
            assert (run / "results" / f"{record.candidate.number}.json").exists()
    _require_readable(run, state)


def _require_readable(run: Path, state: SearchState) -> None:
    """Read the files for users, as far as they exist."""
    if (run / "config.yaml").exists():
        text = (run / "config.yaml").read_text()
        assert has_right_comment(text)
        SearchConfig.model_validate(yaml.safe_load(text))
    if (run / "environment.json").exists():
        json.loads((run / "environment.json").read_bytes())
    if (run / "best.json").exists():
        best = load_architecture(run)
        (trained,) = [
            record
            for record in state.records
            if record.candidate.number == best.provenance["candidate"]
        ]
        reward = trained.outcome.reward
        if best.provenance["finalist"]:
            finalists = pd.read_csv(run / "finalists.csv", index_col="number")
            reward = finalists.loc[best.provenance["candidate"], "reward"]
        assert math.isclose(reward, best.metrics["reward"]), (reward, best.metrics)
    if (run / "trials.csv").exists():
        assert pd.read_csv(run / "trials.csv")["number"].is_unique
    if (run / "report.html").exists():
        assert (run / "report.html").read_text().rstrip().endswith("</html>")
