"""Measurements of a candidate: costs, result of the training, device-seconds.

Files, tables and Optuna's user attributes contain one key per number. In memory the numbers are in
groups, each of which is complete or absent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from trainer.proxy.measurement import MeasuredCosts, MeasuredLatency
from trainer.timing.step_time import StepTime

Metric = float | int | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedRung:
    """The rung of successive halving that a training result belongs to.

    Attributes:
        number: Counted from 0.
        image_size: Side of the square images that it was trained and evaluated on, pixels.
        trained_again: Number of lower rungs that were trained again, because a worker did not see
            the checkpoint.
    """

    number: int
    image_size: int
    trained_again: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """Result of a candidate's short training.

    Attributes:
        accuracy: Top-1 accuracy on the held-out part of the training split, in [0, 1].
        train_loss: Mean training loss of the last epoch.
        train_seconds: Wall seconds of training and evaluation, all rungs so far.
        held_out_images: Images that the accuracy was measured on.
        chance_accuracy: Accuracy of guessing: the share of the most frequent class among them.
        at_chance: Whether guessing explains the accuracy.
        rung: None without successive halving.
    """

    accuracy: float
    train_loss: float
    train_seconds: float
    held_out_images: int
    chance_accuracy: float
    at_chance: bool
    rung: ReachedRung | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSeconds:
    """Device time of a candidate, seconds: process CPU time on a CPU, wall time on a GPU.

    Attributes:
        total: Timing and all trainings so far.
        timing: The timing; None if it was not counted separately.
        by_rung: Rung -> its training; empty without successive halving.
    """

    total: float
    timing: float | None = None
    by_rung: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def summed(cls, *, timing: float | None, by_rung: Mapping[int, float]) -> Self:
        """Return the device-seconds whose total is the sum of the parts."""
        return cls(total=sum((timing or 0.0, *by_rung.values())), timing=timing, by_rung=by_rung)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """All measurements of a candidate.

    Attributes:
        costs: None if it was not timed.
        training: None if it was not trained.
        device_seconds: None if it did not reach a device.
        predicted_relative_step_time: Step time / the reference network's, predicted by a step
            time table; None without one.
        other: Further metrics by name, such as those of a user's own trainable.
    """

    costs: MeasuredCosts | None = None
    training: TrainingResult | None = None
    device_seconds: DeviceSeconds | None = None
    predicted_relative_step_time: float | None = None
    other: Mapping[str, Metric] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Metric]:
        """Return one key per number, JSON-ready; `from_dict` inverts it exactly."""
        values: dict[str, Metric] = {}
        latency: dict[str, Metric] = {}
        if self.costs:
            values |= _flat(self.costs, _COSTS) | _flat(self.costs.timing, _TIMING)
            if self.costs.device_wait_s:
                values[_WAIT] = self.costs.device_wait_s
            if self.costs.latency:
                latency = _flat(self.costs.latency, _LATENCY)
        if self.training:
            values |= _flat(self.training, _TRAINING)
            if self.training.rung:
                values |= _flat(self.training.rung, _RUNG)
        seconds = self.device_seconds
        if seconds:
            values[_SECONDS] = seconds.total
            if seconds.timing is not None:
                values[f"{_SECONDS}_timing"] = seconds.timing
        if self.predicted_relative_step_time is not None:
            values[_PREDICTED] = self.predicted_relative_step_time
        if seconds:
            values |= {f"{_SECONDS}_rung{n}": spent for n, spent in seconds.by_rung.items()}
        has_rungs = "rung" in values or (seconds and (seconds.timing or seconds.by_rung))
        order = _ORDER_WITH_RUNGS if has_rungs else _ORDER
        ordered = {key: values[key] for key in order if key in values}
        return ordered | values | latency | dict(self.other)

    @classmethod
    def from_dict(cls, data: Mapping[str, Metric]) -> Self:
        """Rebuild from `to_dict` output; keys of an incomplete group are `other` metrics."""
        rest: dict[str, Any] = dict(data)
        costs, training, rung, seconds = None, None, None, None
        if _COSTS.keys() <= rest.keys() and _TIMING.keys() <= rest.keys():
            timing = StepTime(**_taken(rest, _TIMING))
            costs = MeasuredCosts(
                timing=timing,
                device_wait_s=rest.pop(_WAIT, 0.0),
                latency=_latency(rest),
                **_taken(rest, _COSTS),
            )
        if _TRAINING.keys() <= rest.keys():
            if _RUNG.keys() <= rest.keys():
                rung = ReachedRung(**_taken(rest, _RUNG))
            training = TrainingResult(**_taken(rest, _TRAINING), rung=rung)
        if _SECONDS in rest:
            rungs = [key for key in rest if _RUNG_SECONDS.fullmatch(key)]
            seconds = DeviceSeconds(
                total=rest.pop(_SECONDS),
                timing=rest.pop(f"{_SECONDS}_timing", None),
                by_rung={
                    int(key.removeprefix(f"{_SECONDS}_rung")): rest.pop(key) for key in rungs
                },
            )
        return cls(
            costs=costs,
            training=training,
            device_seconds=seconds,
            predicted_relative_step_time=rest.pop(_PREDICTED, None),
            other=rest,
        )

    def updated(self, newer: "Metrics") -> "Metrics":
        """Return these metrics, replaced or completed by those of `newer`, number by number."""
        return Metrics.from_dict({**self.to_dict(), **newer.to_dict()})


# Key in files -> attribute, for each group. Some attributes of a `StepTime` have a prefix in
# files, because their names alone would be unclear.
_QUALITY = ("spread", "repeats", "attempts", "contaminated", "wide_spread", "clock")
_WAIT = "device_wait_s"  # written only if other processes held the device for a while
_TIMING = {f"timing_{key}" if key in _QUALITY else key: key for key in StepTime.__annotations__}
_NO_COSTS = ("timing", "latency", _WAIT)
_COSTS = {key: key for key in MeasuredCosts.__annotations__ if key not in _NO_COSTS}
_LATENCY = {  # written only if a constraint limits the latency
    key if "latency" in key else f"latency_{key}": key for key in MeasuredLatency.__annotations__
}
_TRAINING = {key: key for key in TrainingResult.__annotations__ if key != "rung"}
_RUNG = {"rung": "number", "rung_image_size": "image_size", "rungs_trained_again": "trained_again"}
_SECONDS, _PREDICTED = "device_seconds", "predicted_relative_step_time"
_RUNG_SECONDS = re.compile(rf"{_SECONDS}_rung\d+")

# Order of the keys in files, and so of the columns of trials.csv. All other keys follow. With
# rungs the costs come before the training result, without rungs some of them follow it.
_SIZES = ("step_time_s", "relative_step_time", "num_params", "macs", "peak_memory_bytes")
_PARTS = ("samples_per_sec", "reference_step_time_s", "forward_s", "backward_s", "optimizer_s")
_CONDITIONS = ("batch_size", "image_size", "precision", "device", "torch_version")
_TIMED = (*_PARTS, *(f"timing_{key}" for key in _QUALITY), *_CONDITIONS)
_CHANCE = ("held_out_images", "chance_accuracy", "at_chance")
_RELATIVE = ("relative_params", "num_classes")
_TRAINED_FIRST = ("accuracy", *_SIZES, "train_loss", *_TIMED, "train_seconds", "timing_seconds")
_ORDER = (*_TRAINED_FIRST, *_CHANCE, *_RELATIVE)
_TIMED_FIRST = (*_SIZES, *_TIMED, "timing_seconds", *_RELATIVE, f"{_SECONDS}_timing")
_TRAINED = ("accuracy", *_CHANCE, "train_loss", "train_seconds", *_RUNG, f"{_SECONDS}_rung0")
_ORDER_WITH_RUNGS = (*_TIMED_FIRST, *_TRAINED)


def _flat(group: object, keys: Mapping[str, str]) -> dict[str, Metric]:
    return {key: getattr(group, name) for key, name in keys.items()}


def _latency(rest: dict[str, Any]) -> MeasuredLatency | None:
    """Remove a complete latency from `rest` and return it; else None."""
    complete = _LATENCY.keys() <= rest.keys()
    return MeasuredLatency(**_taken(rest, _LATENCY)) if complete else None


def _taken(rest: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Remove `keys` from `rest` and return their values by attribute."""
    return {name: rest.pop(key) for key, name in keys.items()}
