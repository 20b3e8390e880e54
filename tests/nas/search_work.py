"""What a search has to do, for tests."""

from nas.report.time_left import SearchWork


def work(
    budget: int = 4,
    *,
    workers: int = 1,
    rungs: tuple[float, ...] = (1.0,),
    eta: int = 3,
    finalist_trainings: int = 0,
    finalist_work: float = 2.0,
) -> SearchWork:
    """Return work that is counted in full trainings of a candidate."""
    return SearchWork(
        budget=budget,
        workers=workers,
        rungs=rungs,
        eta=eta,
        finalist_trainings=finalist_trainings,
        finalist_work=finalist_work,
    )
