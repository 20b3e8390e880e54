"""Data for ranking the candidates again in the page, by other exponents of the reward.

``reweigh.js`` computes the rewards as `nas.reward.weighted_product` does, and ranks them as
`nas.report.outputs.rerank`.
"""

import shlex
from typing import Any

from nas.analysis.ranking import contenders
from nas.candidate import State
from nas.report.search_page.search_run import SearchRun

LOWEST_EXPONENT = -1.0  # of the sliders
ROWS = 8  # of the ranking in the page


def reweigh_data(run: SearchRun) -> dict[str, Any]:
    """Return the candidates that can win, with what their rewards depend on, JSON-ready."""
    config = run.files.config
    return {
        "w": config.w,
        "v": config.v,
        "lowest": min(LOWEST_EXPONENT, config.w, config.v),
        "rows": ROWS,
        "charts": ["accuracy-step-time", "accuracy-parameters"],
        "command": f"nas-search {run.place} --reweigh",
        "candidates": [
            {
                "number": record.candidate.number,
                "accuracy": record.outcome.training.accuracy,
                "stepTime": record.outcome.costs.relative_step_time,
                "relativeParams": record.outcome.costs.relative_params,
                "params": record.outcome.costs.num_params,
            }
            for record in contenders(run.records)
        ],
    }


def dropped_note(run: SearchRun) -> str:
    """Return a sentence on candidates that other exponents might have ranked; empty if none."""
    dropped = sum(record.outcome.state is State.DROPPED for record in run.records)
    if not dropped:
        return ""
    many = "1 candidate was" if dropped == 1 else f"{dropped} candidates were"
    return f"{many} dropped before training by the search's own exponents, and not ranked."


def reweigh_command(run: SearchRun, w: float, v: float) -> str:
    """Return the command that ranks the run by these exponents, and writes the winner."""
    return f"nas-search {run.place} --reweigh {shlex.join([f'{w:g}', f'{v:g}'])}"
