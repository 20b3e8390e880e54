"""Records of candidates for tests."""

from pathlib import Path

from nas.candidate import Candidate, Outcome, Record, State
from nas.run_folder.files import RunFiles
from nas.settings.config import SearchConfig
from search_space.space import SearchSpace
from tests.toys.metrics import whole_metrics
from trainer.config import ProxyConfig

TINY = SearchSpace.load("tiny")
CONFIG = SearchConfig(proxy=ProxyConfig(image_size=24))


def run_files(folder: Path) -> RunFiles:
    """Return the writer of a run's files."""
    return RunFiles(folder=folder, config=CONFIG, space=TINY)


def choices(depth: int = 1, *, last: int = 0) -> dict[str, int | str]:
    """Return canonical choices of a point of `tiny` whose stages have `depth` blocks."""
    reference = TINY.choices(TINY.reference())
    wanted = {
        **reference,
        **{name: depth for name in reference if name.endswith(".depth")},
        "stage5.depth": last,
    }
    return TINY.canonical(wanted)


def trained(
    number: int, reward: float, *, accuracy: float = 0.5, relative: float = 1.0, depth: int = 1
) -> Record:
    """Return a trained candidate with the measurements that every report reads."""
    chosen = choices(depth)
    return Record(
        candidate=Candidate(number=number, choices=chosen, key=TINY.key(chosen)),
        outcome=Outcome(
            state=State.COMPLETE,
            reward=reward,
            metrics=whole_metrics(
                accuracy=accuracy, step_time_s=0.02 * relative, relative_step_time=relative
            ),
            worker="host/1",
            seconds=12.0,
        ),
    )


def failed(number: int, reason: str = "the loss was not finite by step 50") -> Record:
    """Return a candidate that failed by its own fault."""
    chosen = choices(2)
    return Record(
        candidate=Candidate(number=number, choices=chosen, key=TINY.key(chosen)),
        outcome=Outcome.failed(reason),
    )


def infeasible(number: int) -> Record:
    """Return a candidate that broke a constraint."""
    chosen = choices(3)
    return Record(
        candidate=Candidate(number=number, choices=chosen, key=TINY.key(chosen)),
        outcome=Outcome.infeasible("params 2 violates 'params < 1'"),
    )
