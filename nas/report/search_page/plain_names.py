"""Plain names and units of the measurements and decisions of a search."""

from collections.abc import Mapping
from dataclasses import dataclass

from nas.candidate import Choice, State
from nas.report.frame.table import Cell, Column
from search_space.architecture import BlockType, Stage

STATES: Mapping[State, str] = {
    State.COMPLETE: "trained",
    State.FAIL: "failed",
    State.INFEASIBLE: "breaks a constraint",
    State.DROPPED: "timed, not trained",
}
BLOCKS: Mapping[str, str] = {
    BlockType.MBCONV: "MBConv",
    BlockType.FUSED_MBCONV: "Fused-MBConv",
}
_FIELDS = {"expand_ratio": "expansion", "kernel_size": "kernel", "se_ratio": "squeeze-excite"}
_MIB = 2.0**-20


@dataclass(frozen=True, slots=True)
class Quantity:
    """How a measurement is shown.

    Attributes:
        head: Its name in plain words.
        unit: Its unit.
        factor: Number in the unit / number in the files; 1 keeps whole numbers whole.
        digits: Digits after the decimal point; None for four significant digits.
    """

    head: str
    unit: str = ""
    factor: float = 1
    digits: int | None = None

    def column(self, *, is_main: bool = False) -> Column:
        """Return the column of the measurement."""
        return Column(head=self.head, unit=self.unit, digits=self.digits, is_main=is_main)

    def cell(self, value: Cell) -> Cell:
        """Return the cell of a value of the files, in the unit."""
        if isinstance(value, bool) or not isinstance(value, int | float) or self.factor == 1:
            return value
        return self.factor * value


# Name in files -> how it is shown. Others keep their names, with spaces.
_QUANTITIES = {
    "accuracy": Quantity("accuracy in the search", "%", 100, 2),
    "reward": Quantity("reward", digits=4),
    "step_time_s": Quantity("step time", "ms", 1e3, 2),
    "relative_step_time": Quantity("step time / reference", "x", digits=3),
    "predicted_relative_step_time": Quantity("predicted step time / reference", "x", digits=3),
    "reference_step_time_s": Quantity("step time of the reference", "ms", 1e3, 2),
    "num_params": Quantity("parameters"),
    "relative_params": Quantity("parameters / reference", "x", digits=3),
    "macs": Quantity("multiply-adds", "M", 1e-6, 3),
    "peak_memory_bytes": Quantity("peak memory", "MiB", _MIB, 0),
    "train_loss": Quantity("training loss", digits=4),
    "samples_per_sec": Quantity("training speed", "images/s", digits=0),
    "forward_s": Quantity("forward pass", "ms", 1e3, 2),
    "backward_s": Quantity("backward pass", "ms", 1e3, 2),
    "optimizer_s": Quantity("optimizer", "ms", 1e3, 2),
    "timing_spread": Quantity("spread of the step time", "%", 100, 1),
    "timing_repeats": Quantity("timed blocks"),
    "timing_attempts": Quantity("timing attempts"),
    "timing_contaminated": Quantity("timing was disturbed"),
    "timing_wide_spread": Quantity("spread above the accepted one"),
    "timing_clock": Quantity("clock of the timing"),
    "timing_seconds": Quantity("duration of the timing", "s", digits=1),
    "device_wait_s": Quantity("wait for the device", "s", digits=1),
    "latency_s": Quantity("latency of inference", "ms", 1e3, 2),
    "relative_latency": Quantity("latency / reference", "x", digits=3),
    "reference_latency_s": Quantity("latency of the reference", "ms", 1e3, 2),
    "latency_p50_s": Quantity("median wall time of inference", "ms", 1e3, 2),
    "latency_p95_s": Quantity("95 % wall time of inference", "ms", 1e3, 2),
    "latency_spread": Quantity("spread of the latency", "%", 100, 1),
    "latency_repeats": Quantity("timed calls"),
    "latency_attempts": Quantity("attempts to measure the latency"),
    "latency_contaminated": Quantity("latency was disturbed"),
    "latency_wide_spread": Quantity("spread of the latency above the accepted one"),
    "latency_clock": Quantity("clock of the latency"),
    "latency_threads": Quantity("CPU threads of the latency"),
    "batch_size": Quantity("images in a step"),
    "image_size": Quantity("image size", "px"),
    "precision": Quantity("precision"),
    "device": Quantity("device"),
    "torch_version": Quantity("torch version"),
    "train_seconds": Quantity("duration of the training", "s", digits=1),
    "held_out_images": Quantity("held-out images"),
    "chance_accuracy": Quantity("accuracy of guessing", "%", 100, 2),
    "at_chance": Quantity("at chance"),
    "num_classes": Quantity("classes"),
    "device_seconds": Quantity("device time", "s", digits=1),
    "device_seconds_timing": Quantity("device time of the timing", "s", digits=1),
    "rung": Quantity("rung"),
    "rung_image_size": Quantity("image size of the rung", "px"),
    "rungs_trained_again": Quantity("rungs trained again"),
    "seconds": Quantity("duration", "s", digits=1),
    "worker": Quantity("worker"),
    "reason": Quantity("reason"),
    "key": Quantity("network"),
}


def quantity(name: str) -> Quantity:
    """Return how the measurement or decision `name` of the files is shown."""
    if name in _QUANTITIES:
        return _QUANTITIES[name]
    if name.startswith("device_seconds_rung"):
        rung = name.removeprefix("device_seconds_rung")
        return Quantity(f"device time of rung {rung}", "s", digits=1)
    return Quantity(decision_name(name) if "." in name else name.replace("_", " "))


def decision_name(name: str) -> str:
    """Return the plain name of a decision: ``stage3.kernel_size`` is "stage 3: kernel"."""
    stage, _, field = name.partition(".")
    number = stage.removeprefix("stage")
    place = f"stage {number}" if number.isdecimal() else stage
    return f"{place}: {_FIELDS.get(field, field.replace('_', ' '))}"


def option_name(option: Choice | None) -> str:
    """Return the plain name of an option; None is that of a removed stage."""
    return "stage removed" if option is None else BLOCKS.get(str(option), str(option))


def stage_words(stage: Stage) -> str:
    """Return a stage in one line, such as "3 x MBConv, 48 wide, kernel 5, expansion 4"."""
    return (
        f"{stage.depth} x {BLOCKS[stage.block]}, {stage.width} wide, "
        f"kernel {stage.kernel_size}, expansion {stage.expand_ratio}"
    )
