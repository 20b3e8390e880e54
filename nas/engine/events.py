"""Events of a search's ledger, as values and as JSON lines."""

import time
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

from nas.candidate import Candidate, Choices, Outcome

# Wall-clock time at the zero of the monotonic clock, as of the start of this process.
_STARTED = time.time() - time.monotonic()

# Attributes whose name in files differs.
_IN_FILES = {"is_start": "start", "is_uniform": "rescue"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the ledger. Attributes that have their default are not written.

    Attributes:
        time: When it was recorded, seconds since the epoch; 0 before it is written.
    """

    kind: ClassVar[str]
    time: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `event_from_dict` inverts it exactly."""
        data: dict[str, Any] = {"event": self.kind}
        for one in sorted(fields(self), key=lambda one: one.name == "time"):
            value = getattr(self, one.name)
            default = {} if one.default_factory is dict else one.default
            if default is MISSING or value != default:
                value = value.to_dict() if isinstance(value, Outcome) else value
                data[_IN_FILES.get(one.name, one.name)] = value
        return data


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Proposed):
    """A new candidate was handed out."""

    kind = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Proposed):
    """A proposal violates a constraint, which `reason` names; it is not trained."""

    kind = "rejected"
    reason: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Event):
    """The candidate `number` finished its training, or the first rung of it."""

    kind = "told"
    number: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted(Event):
    """The candidate `number` was handed out for its next rung, counted from 0."""

    kind = "promoted"
    number: int
    rung: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RungTold(Event):
    """A promoted candidate finished a rung, which is a separate Optuna trial.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Died(Event):
    """A worker died while it trained the candidate `number`; `reason` is what is known."""

    kind = "died"
    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(Event):
    """An event of a kind that says nothing about candidates: its line without the time."""

    data: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `event_from_dict` inverts it exactly."""
        return {**self.data, "time": self.time} if self.time else dict(self.data)


_KINDS: Mapping[str, type[Event]] = {
    one.kind: one for one in (Opened, Asked, Rejected, Duplicate, Told, Promoted, RungTold, Died)
}


def event_from_dict(data: Mapping[str, Any]) -> Event:
    """Return the event of a ledger's line.

    Raises:
        KeyError: If the line has no kind.
        TypeError: If a field of its kind is missing or unknown.
        ValueError: If a value is not possible.
    """
    names = {in_files: name for name, in_files in _IN_FILES.items()}
    values = {names.get(name, name): value for name, value in data.items() if name != "event"}
    kind = _KINDS.get(data["event"])
    if kind is None:
        time_of = values.pop("time", 0.0)
        return OtherEvent(data={"event": data["event"], **values}, time=time_of)
    if "outcome" in values:
        values["outcome"] = Outcome.from_dict(values["outcome"])
    return kind(**values)


def now() -> float:
    """Return the time to write into an event: seconds since the epoch, to the millisecond.

    Within a process it runs evenly, because differences of these times are durations: a clock
    that is set forward or back during a session has no effect, nor has a machine that sleeps.
    """
    return round(_STARTED + time.monotonic(), 3)
