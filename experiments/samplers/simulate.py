"""One search on a table of results: the engine of nas-search with recorded training times."""

import heapq
import time
from dataclasses import dataclass, field
from typing import Any

from table import Table

from nas.engine.engine import Engine
from nas.engine.ledger import Event
from nas.engine.study import SamplerFactory


@dataclass
class ForgetfulLedger:
    """Replaces the ledger of a search that is never resumed; it stores nothing."""

    path: str = "memory"
    history: list[Event] = field(default_factory=list)

    def append(self, *events: Event) -> None:
        """Ignore the events."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The result of one search.

    Attributes:
        picks: Table row of the best candidate so far, after each evaluation.
        cpu_s: CPU seconds of proposing and telling.
        simulated_s: Simulated wall seconds of the trainings.
        duplicates: Proposals that were already known, and not charged.
    """

    picks: list[int]
    cpu_s: float
    simulated_s: float
    duplicates: int


def simulate(
    table: Table, sampler_factory: SamplerFactory, *, evaluations: int, workers: int, seed: int
) -> Search:
    """Search until `evaluations` distinct candidates are trained; workers finish out of order.

    A candidate takes its recorded training time. Ties are told in the order of proposal.
    """
    ledger: Any = ForgetfulLedger()
    start = time.process_time()
    engine = Engine(table, sampler_factory, ledger, budget=evaluations, seed=seed)
    running: list[tuple[float, int, Any]] = []
    picks: list[int] = []
    best, clock = -1, 0.0
    while True:
        while len(running) < workers and (candidate := engine.ask()):
            ends = clock + table.seconds[table.row(candidate)]
            heapq.heappush(running, (ends, candidate.number, candidate))
        if not running:
            break
        clock, _, candidate = heapq.heappop(running)
        row = table.row(candidate)
        engine.tell(candidate, table.outcomes[row])
        if best < 0 or table.reward[row] > table.reward[best]:
            best = row
        picks.append(best)
    return Search(
        picks=picks,
        cpu_s=time.process_time() - start,
        simulated_s=clock,
        duplicates=engine.counts.duplicates,
    )
