"""The Optuna study that samplers see: in memory, and rebuilt exactly from the ledger."""

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
    """A sampler's proposal.

    Attributes:
        number: Optuna's trial number.
        choices: Decision name -> option, for the active decisions.
        attrs: What the sampler recorded on the trial, such as the probability of its choices.
    """

    number: int
    choices: Choices
    attrs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class ProposalStudy:
    """Trials in the order in which they were asked and told.

    Each proposal gets a new sampler made for its number, so a sampler's state is a function of
    the trials before it and of its number, and a rebuilt study continues exactly. A finished
    trial has the user attributes ``told`` (its index in the order of completion), ``state`` (of
    the outcome) and ``metrics``.
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
        """Number of the next proposal."""
        return self._asked

    def propose(self) -> Proposal:
        """Return the sampler's choices, decision by decision; inactive decisions are left out."""
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

    def open_trial(
        self, choices: Choices, attrs: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Proposal:
        """Open a trial with given choices, from the ledger or not chosen by a sampler."""
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
        """Finish a trial; None means that its reward is not known."""
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
    """Stop Optuna from logging every study and trial in this process."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
