"""Costs of a candidate, computed from its choices before it is built or trained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nas.candidate import Choices
from nas.reward import PARAMS_EXPONENT, STEP_TIME_EXPONENT, weighted_product
from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params
from search_space.space import SearchSpace
from trainer.config import ProxyConfig
from trainer.device.memory import predict_training_memory
from trainer.step_table.table import StepTable


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCosts:
    """Costs of a candidate that are known without training it.

    Attributes:
        params: Learnable parameters, exact.
        relative_params: Parameters / the reference network's, exact: the reward's P.
        macs: Multiply-adds at the search's image size, exact.
        memory: Predicted memory of a training step, bytes; a lower bound.
        relative_step_time: Predicted step time / the reference network's: the reward's S; None
            without a step time table.
        step_time_s: Predicted step time, seconds; None without a step time table.
    """

    params: int
    relative_params: float
    macs: int
    memory: int
    relative_step_time: float | None
    step_time_s: float | None

    def by_quantity(self) -> Mapping[str, float]:
        """Return the known costs by the quantities that a `Constraint` can limit."""
        costs: dict[str, float | None] = {
            "params": self.params,
            "macs": self.macs,
            "memory": self.memory,
            "step_time": self.relative_step_time,
            "step_time_s": self.step_time_s,
        }
        return {name: value for name, value in costs.items() if value is not None}


class CostPredictor:
    """Computes the costs of candidates from their choices, without building a network.

    A search filters its candidates with it, and samplers with a model of the reward order
    their proposals with it. Implements `SupportsLogCostFactor` of `nas.samplers`.

    Args:
        space: Maps choices to networks.
        proxy: Settings of the short training: image size, batch size, precision, optimizer.
        num_classes: Outputs of the classifier.
        table: Predicts step times; None leaves them unknown.
        w: Exponent of step time in the reward.
        v: Exponent of parameters in the reward.
    """

    def __init__(
        self,
        space: SearchSpace,
        proxy: ProxyConfig,
        num_classes: int,
        table: StepTable | None = None,
        *,
        w: float = STEP_TIME_EXPONENT,
        v: float = PARAMS_EXPONENT,
    ) -> None:
        self._space, self._proxy, self._num_classes, self._table = space, proxy, num_classes, table
        self._w, self._v = w, v
        self._reference_params = count_params(space.reference(), num_classes)

    @property
    def step_time_error(self) -> float:
        """Mean relative error of the predicted step times; 0 without a step time table."""
        return self._table.relative_error if self._table else 0.0

    def costs(self, choices: Choices) -> PredictedCosts:
        """Return the costs of the network that `choices` stand for.

        Raises:
            ValueError: If `choices` are not a point of the space.
        """
        return self.costs_of(self._space.architecture(choices))

    def costs_of(self, architecture: Architecture) -> PredictedCosts:
        """Return the costs of a network of the space."""
        proxy, classes, table = self._proxy, self._num_classes, self._table
        params = count_params(architecture, classes)
        relative = table.relative_step_time(architecture) if table else None
        return PredictedCosts(
            params=params,
            relative_params=params / self._reference_params,
            macs=count_macs(architecture, proxy.image_size, classes),
            memory=predict_training_memory(
                architecture,
                proxy.image_size,
                proxy.batch_size,
                num_classes=classes,
                precision=proxy.precision,
                optimizer=proxy.optimizer,
                momentum=proxy.momentum,
            ),
            relative_step_time=relative,
            step_time_s=relative * table.reference_step_time_s if relative and table else None,
        )

    def log_cost_factor(self, choices: Choices) -> float:
        """Return log(reward / accuracy) of a candidate, as far as its costs are known.

        Without a step time table this is the factor of the parameters alone.

        Raises:
            ValueError: If `choices` are not a point of the space.
        """
        costs = self.costs(choices)
        step_time = costs.relative_step_time or 1.0
        return math.log(
            weighted_product(1.0, step_time, costs.relative_params, w=self._w, v=self._v)
        )
