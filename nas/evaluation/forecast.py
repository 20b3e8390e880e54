"""What a candidate costs, told from its choices alone, before anything is built or trained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nas.candidate import Choices
from nas.reward import weighted_product
from nas.settings.config import SearchConfig
from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params, training_memory_bytes
from search_space.space import SearchSpace
from trainer.step_table.table import StepTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is known of a candidate without training it.

    Attributes:
        params: Learnable parameters, exact.
        relative_params: The same / the reference network's, exact: the reward's P.
        macs: Multiply-adds at the search's image size, exact.
        memory: Predicted memory of a training step, bytes; a lower bound.
        relative_step_time: Predicted step time / the reference network's: the reward's S; None
            without a table.
        step_time_s: Predicted step time, seconds; None without a table.
    """

    params: int
    relative_params: float
    macs: int
    memory: int
    relative_step_time: float | None
    step_time_s: float | None

    def penalty(self, config: SearchConfig) -> float:
        """Return the logarithm of reward / accuracy, as far as it is known.

        Without a table of step times that is the part of the parameters.
        """
        known = weighted_product(
            1.0, self.relative_step_time or 1.0, self.relative_params, w=config.w, v=config.v
        )
        return math.log(known)

    def costs(self) -> Mapping[str, float]:
        """What constraints may limit, by quantity; what is not known is left out."""
        costs: dict[str, float | None] = {
            "params": self.params,
            "macs": self.macs,
            "memory": self.memory,
            "step_time": self.relative_step_time,
            "step_time_s": self.step_time_s,
        }
        return {name: value for name, value in costs.items() if value is not None}


class Forecaster:
    """Tells a candidate's costs from its choices, without building anything.

    Samplers may use it to propose, and a search to order and filter, before any training.

    Args:
        config: The search's settings.
        space: Gives candidates their networks.
        num_classes: Outputs of the classifier.
        table: Predicts step times; None leaves them unknown.
    """

    def __init__(
        self,
        config: SearchConfig,
        space: SearchSpace,
        num_classes: int,
        table: StepTable | None = None,
    ) -> None:
        self._config, self._space, self._num_classes = config, space, num_classes
        self._table = table
        self._reference_params = count_params(space.reference(), num_classes)

    @property
    def step_time_error(self) -> float:
        """Mean relative error of the predicted step times; 0 without a table."""
        return self._table.relative_error if self._table else 0.0

    def __call__(self, choices: Choices) -> Forecast:
        """Return the forecast of the network that `choices` stand for.

        Raises:
            ValueError: If `choices` are no point of the space.
        """
        return self.of(self._space.architecture(choices))

    def of(self, architecture: Architecture) -> Forecast:
        """Return the forecast of a network of the space."""
        proxy, classes, table = self._config.proxy, self._num_classes, self._table
        params = count_params(architecture, classes)
        relative = table.relative_step_time(architecture) if table else None
        return Forecast(
            params=params,
            relative_params=params / self._reference_params,
            macs=count_macs(architecture, proxy.image_size, classes),
            memory=training_memory_bytes(
                architecture,
                proxy.image_size,
                proxy.batch_size,
                bytes_per_element=2 if proxy.precision == "bf16" else 4,
                num_classes=classes,
                optimizer_slots=1 if proxy.optimizer == "sgd" else 2,
            ),
            relative_step_time=relative,
            step_time_s=relative * table.reference_step_time_s if relative and table else None,
        )
