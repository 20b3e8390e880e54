"""Events of a search's ledger, as values and as JSON lines."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from nas.candidate import Candidate, Choices, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the ledger.

    Attributes:
        time: When it was recorded, seconds since the epoch; 0 before it is written.
    """

    kind: ClassVar[str]
    time: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `event_from_dict` inverts it exactly."""
        data = {"event": self.kind, **self._content()}
        return {**data, "time": self.time} if self.time else data

    def _content(self) -> dict[str, Any]:
        names = [one.name for one in fields(self) if one.name != "time"]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Event):
    """A process opened the ledger to write to it.

    Attributes:
        pid: The process.
        host: Its host.
        settings: The settings of the run that changed with this opening.
    """

    kind = "opened"
    pid: int
    host: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def _content(self) -> dict[str, Any]:
        changed = {"settings": dict(self.settings)} if self.settings else {}
        return {"pid": self.pid, "host": self.host, **changed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed(Event):
    """A proposal; the subclass says what became of it.

    Attributes:
        number: The proposal's number, also that of its Optuna trial.
        key: Name of the network that the choices stand for.
        choices: Canonical choices.
        proposed: The sampler's own choices, where they were not canonical.
        attrs: What the sampler recorded on the trial.
        is_start: Whether it is a start point, which no sampler chose.
        is_uniform: Whether it was drawn uniformly, because the sampler repeated itself.
    """

    number: int
    key: str
    choices: Choices
    proposed: Choices | None = None
    attrs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_start: bool = False
    is_uniform: bool = False

    @property
    def candidate(self) -> Candidate:
        """The candidate that was proposed."""
        return Candidate(number=self.number, key=self.key, choices=self.choices)

    def _content(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "key": self.key,
            "choices": dict(self.choices),
            **({} if self.proposed is None else {"proposed": dict(self.proposed)}),
            **({"attrs": self.attrs} if self.attrs else {}),
            **self._verdict(),
            **({"start": True} if self.is_start else {}),
            **({"rescue": True} if self.is_uniform else {}),  # the name in files since 0.1
        }

    def _verdict(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Proposed):
    """A new candidate was handed out."""

    kind = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Proposed):
    """A proposal violates a constraint; it is not trained.

    Attributes:
        reason: The violated constraints.
    """

    kind = "rejected"
    reason: str

    def _verdict(self) -> dict[str, Any]:
        return {"reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Proposed):
    """A proposal repeats a known candidate; it is answered from the ledger.

    Attributes:
        of: Number of the known candidate.
        reward: Its reward; None while it is in flight.
    """

    kind = "duplicate"
    of: int
    reward: float | None

    def _verdict(self) -> dict[str, Any]:
        return {"of": self.of, "reward": self.reward}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Event):
    """A candidate finished its training, or the first rung of it.

    Attributes:
        number: The candidate.
        outcome: Its outcome.
    """

    kind = "told"
    number: int
    outcome: Outcome

    def _content(self) -> dict[str, Any]:
        return {"number": self.number, "outcome": self.outcome.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted(Event):
    """A candidate was handed out for its next rung.

    Attributes:
        number: The candidate.
        rung: The rung, counted from 0.
    """

    kind = "promoted"
    number: int
    rung: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RungTold(Event):
    """A promoted candidate finished a rung, which is an Optuna trial of its own.

    Attributes:
        number: Number of that trial.
        of: The candidate.
        rung: The rung, counted from 1.
        choices: The candidate's choices.
        outcome: Its outcome, with the metrics of the rungs before.
    """

    kind = "rung"
    number: int
    of: int
    rung: int
    choices: Choices
    outcome: Outcome

    def _content(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "of": self.of,
            "rung": self.rung,
            "choices": dict(self.choices),
            "outcome": self.outcome.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Died(Event):
    """A worker died while it trained a candidate.

    Attributes:
        number: The candidate.
        reason: What is known of the death.
    """

    kind = "died"
    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(Event):
    """An event of a kind that says nothing about candidates; it is kept and ignored.

    Attributes:
        data: The line without its time.
    """

    data: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `event_from_dict` inverts it exactly."""
        return {**self.data, "time": self.time} if self.time else dict(self.data)


_KINDS: Mapping[str, type[Event]] = {
    one.kind: one for one in (Opened, Asked, Rejected, Duplicate, Told, Promoted, RungTold, Died)
}
_NAMES = {"start": "is_start", "rescue": "is_uniform"}


def event_from_dict(data: Mapping[str, Any]) -> Event:
    """Return the event of a ledger's line.

    Raises:
        KeyError: If the line has no kind.
        TypeError: If a field of its kind is missing or unknown.
        ValueError: If a value is not possible.
    """
    kind = _KINDS.get(data["event"])
    if kind is None:
        rest = {name: value for name, value in data.items() if name != "time"}
        return OtherEvent(data=rest, time=data.get("time", 0.0))
    values = {_NAMES.get(name, name): value for name, value in data.items() if name != "event"}
    if "outcome" in values:
        values["outcome"] = Outcome.from_dict(values["outcome"])
    return kind(**values)


def now() -> float:
    """Return the time to write into an event: seconds since the epoch, to the millisecond."""
    return round(time.time(), 3)
