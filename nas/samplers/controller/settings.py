"""Settings of the controller's policy and of its updates."""

from dataclasses import dataclass

from nas.samplers.base import check_float, check_int


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoSettings:
    """How the controller learns; `ControllerSampler` documents each setting.

    Raises:
        ValueError: If a setting is out of range.
    """

    hidden: int
    learning_rate: float
    batch: int
    epochs: int
    clip: float
    entropy: float
    baseline_decay: float

    def __post_init__(self) -> None:
        check_int("controller's hidden", self.hidden, 1)
        check_int("controller's batch", self.batch, 1)
        check_int("controller's epochs", self.epochs, 1)
        check_float("controller's learning_rate", self.learning_rate, 0, ends="(]")
        check_float("controller's clip", self.clip, 0, 1, ends="()")
        check_float("controller's entropy", self.entropy, 0)
        check_float("controller's baseline_decay", self.baseline_decay, 0, 1, ends="[)")
