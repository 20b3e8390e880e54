"""One search on a table of results: the search's own engine, with recorded times as its clock."""

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
    """Stands in for the ledger of a search that nobody will resume: it keeps nothing."""

    path: str = "memory"
    history: list[Event] = field(default_factory=list)

    def append(self, *events: Event) -> None:
        """Forget the events."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search found.

    Attributes:
        picks: Row of the best candidate known after each evaluation.
        cpu_s: CPU seconds that proposing and telling took.
        simulated_s: What the trainings would have taken by the clock on the wall.
        duplicates: Proposals that were known already, and not charged.
    """

    picks: list[int]
    cpu_s: float
    simulated_s: float
    duplicates: int


def simulate(
    table: Table, sampler_factory: SamplerFactory, *, evaluations: int, workers: int, seed: int
) -> Search:
    """Search until so many distinct candidates are trained; workers finish out of order.

    A candidate takes as long as its recorded training. Ties are told in the order of asking.
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
