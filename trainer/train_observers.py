"""Tells several observers of a training what happens."""

from trainer.evaluation import Evaluation
from trainer.fit_task import FitObserver, StepReport


class Observers:
    """Passes what happens on to several observers."""

    def __init__(self, observers: tuple[FitObserver, ...]) -> None:
        self._observers = observers

    def stepped(self, report: StepReport) -> None:
        """Pass a step on."""
        for observer in self._observers:
            observer.stepped(report)

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Pass an evaluation on."""
        for observer in self._observers:
            observer.evaluated(step, raw, averaged)

    def rewound(self, step: int, rate_scale: float) -> None:
        """Pass a rewind on."""
        for observer in self._observers:
            observer.rewound(step, rate_scale)
