"""What a session of a run is given: its limits, its time, its mirror."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nas.engine.choice_space import ChoiceSpace
from nas.engine.engine import Engine
from nas.engine.ledger import Event
from nas.engine.limits import Limits
from nas.mirror.mirror import Mirror, NoMirror
from nas.mirror.url import without_password
from nas.settings.config import SearchConfig

MIRROR_PATIENCE_S = 10.0  # at the end of a session, without any sign of progress


def session_limits(config: SearchConfig, history: Iterable[Event]) -> Limits:
    """Return what this session puts up with; earlier ones have used up some of the time."""
    ends = math.inf
    if config.time_budget is not None:
        left = config.time_budget.seconds - spent_seconds(history)
        ends = time.monotonic() + left
    return Limits(
        timeout=config.candidate_timeout,
        max_failures=config.max_failures,
        max_concurrent=config.max_concurrent,
        ends=ends,
        worker_memory_bytes=config.worker_memory.num_bytes if config.worker_memory else None,
    )


def spent_seconds(history: Iterable[Event]) -> float:
    """Return how long earlier sessions lasted, each from its opening to its last event."""
    total = opened = last = 0.0
    for event in history:
        if event["event"] == "opened":
            total, opened = total + last - opened, event["time"]
        last = max(event.get("time", opened), opened)
    return total + last - opened


def time_note(config: SearchConfig, limits: Limits, engine: Engine) -> str:
    """Return why a search ended early, if its time is the reason; else nothing."""
    if not limits.time_is_up or engine.note or not engine.has_more:
        return ""
    tried = f"{engine.counts.finished} of {config.budget} candidates tried"
    if engine.counts.charged >= config.budget:
        tried += ", but not everyone whose turn it was has gone on to the next rung"
    return (
        f"ended before its budget: the time budget of {config.time_budget} is spent, with "
        f"{tried}; a larger --time-budget goes on"
    )


@contextmanager
def mirror_of(
    config: SearchConfig, folder: Path, run_id: str, space: ChoiceSpace
) -> Iterator[Mirror | NoMirror]:
    """Keep the mirror that is wanted, for as long as the block lasts."""
    if config.mirror is None:
        yield NoMirror()
        return
    from nas.mirror.optuna_study import MirrorStudy  # here, because most searches have none

    open_study = partial(
        MirrorStudy, config.mirror, folder.resolve().name, run_id, tuple(space.decisions())
    )
    with Mirror(open_study, name=without_password(config.mirror)) as mirror:
        yield mirror
