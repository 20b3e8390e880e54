"""The samplers' view of a search: an in-memory Optuna study that can be rebuilt exactly."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from nas.candidate import Choice, Choices, Outcome
from nas.engine.choice_space import Decision

SamplerFactory = Callable[[int], optuna.samplers.BaseSampler]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a sampler chose.

    Attributes:
        number: Optuna's trial number.
        choices: Decision name -> option, for the active decisions.
        attrs: What the sampler noted on the trial, such as the probability it drew it with.
    """

    number: int
    choices: Choices
    attrs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class ProposalStudy:
    """Trials as samplers see them, in the order in which they were asked and told.

    Every proposal gets a fresh sampler made for its number, so a sampler's state is a function
    of the trials before it and of its number; that is why a rebuilt study goes on exactly.
    A finished trial carries the user attributes ``told`` (its place in the order of
    completion), ``state`` (of the outcome) and ``metrics``.
    """

    def __init__(self, decisions: Iterable[Decision], sampler_factory: SamplerFactory) -> None:
        self._decisions = {decision.name: decision for decision in decisions}
        self._sampler_factory = sampler_factory
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage, direction="maximize", sampler=sampler_factory(0)
        )
        self._study_id = self._storage.get_study_id_from_name(self._study.study_name)
        self._asked = self._told = 0

    @property
    def next_number(self) -> int:
        """The number that the next proposal gets."""
        return self._asked

    def propose(self) -> Proposal:
        """Let the sampler choose, one decision after the other, leaving out inactive ones."""
        self._study.sampler = self._sampler_factory(self._asked)
        trial = self._study.ask()
        self._asked += 1
        choices: dict[str, Choice] = {}
        for name, decision in self._decisions.items():
            if decision.requires is None or choices.get(decision.requires, 0) != 0:
                chosen = trial.suggest_categorical(name, decision.options)
                choices[name] = cast(Choice, chosen)
        frozen = self._storage.get_trial(self._trial_id(trial.number))
        attrs = {"user": frozen.user_attrs, "system": frozen.system_attrs}
        return Proposal(
            number=trial.number,
            choices=choices,
            attrs={kind: dict(notes) for kind, notes in attrs.items() if notes},
        )

    def place(
        self, choices: Choices, attrs: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Proposal:
        """Open a trial with given choices: one from the ledger, or one that no sampler chose."""
        self._study.sampler = self._sampler_factory(self._asked)
        attrs = attrs or {}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=dict(choices),
                distributions={
                    name: CategoricalDistribution(self._decisions[name].options)
                    for name in choices
                },
                user_attrs=dict(attrs.get("user", {})),
                system_attrs=dict(attrs.get("system", {})),
            )
        )
        self._asked += 1
        return Proposal(number=self._asked - 1, choices=choices, attrs=attrs)

    def tell(self, number: int, outcome: Outcome | None) -> None:
        """Finish a trial; None means that its reward is not known, which teaches nothing."""
        if outcome is None:
            self._study.tell(number, state=TrialState.FAIL)
            return
        trial_id = self._trial_id(number)
        notes = {
            "told": self._told,
            "state": str(outcome.state),
            "metrics": outcome.metrics.to_dict(),
        }
        for name, value in notes.items():
            self._storage.set_trial_user_attr(trial_id, name, value)
        self._study.tell(number, outcome.reward)
        self._told += 1

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)


def quiet_optuna() -> None:
    """Keep Optuna from logging every study and trial; the setting is the process's."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
