"""Costs of a candidate, computed from its choices before it is built or trained."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

from nas.candidate import Choices
from nas.costs.constraint import Constraint
from nas.reward import PARAMS_EXPONENT, STEP_TIME_EXPONENT, weighted_product
from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params
from search_space.space import SearchSpace
from trainer.config import ProxyConfig
from trainer.proxy.task import predict_proxy_memory
from trainer.step_table.table import StepTable

# A predicted step time excludes a candidate only if it exceeds the limit by this many mean
# errors of the table. Of normally distributed errors, one in nine is larger than two mean
# errors, half of them in this direction; the measured step time finds what passes.
ERROR_MARGIN = 2.0


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


@dataclass(frozen=True)
class CostPredictor:
    """Computes the costs of candidates from their choices, without building a network.

    A search rejects candidates with it, and samplers with a model of the reward order their
    proposals with it. Implements `ConstraintCheck` of `nas.engine.choice_space` and
    `SupportsLogCostFactor` of `nas.samplers`. Choices that are not a point of the space raise a
    ValueError.

    Attributes:
        space: Maps choices to networks.
        proxy: Settings of the short training: image size, batch size, precision, optimizer.
        num_classes: Outputs of the classifier.
        table: Predicts step times; None leaves them unknown.
        constraints: Limits on the costs.
        w: Exponent of step time in the reward.
        v: Exponent of parameters in the reward.
    """

    space: SearchSpace
    proxy: ProxyConfig
    num_classes: int
    table: StepTable | None = None
    _: KW_ONLY
    constraints: tuple[Constraint, ...] = ()
    w: float = STEP_TIME_EXPONENT
    v: float = PARAMS_EXPONENT

    @cached_property
    def _reference_params(self) -> int:
        return count_params(self.space.reference(), self.num_classes)

    @property
    def margin(self) -> float:
        """How far off a predicted step time may be, as a share of it."""
        return min(ERROR_MARGIN * self.table.relative_error, 1.0) if self.table else 0.0

    def costs(self, choices: Choices) -> PredictedCosts:
        """Return the costs of the network that `choices` stand for."""
        architecture, table = self.space.architecture(choices), self.table
        params = count_params(architecture, self.num_classes)
        relative = self.relative_step_time(architecture)
        return PredictedCosts(
            params=params,
            relative_params=params / self._reference_params,
            macs=count_macs(architecture, self.proxy.image_size, self.num_classes),
            memory=predict_proxy_memory(architecture, self.proxy, self.num_classes),
            relative_step_time=relative,
            step_time_s=relative * table.reference_step_time_s if relative and table else None,
        )

    def relative_step_time(self, architecture: Architecture) -> float | None:
        """Return the predicted step time / the reference network's; None without a table."""
        return self.table.relative_step_time(architecture) if self.table else None

    def violation(self, choices: Choices) -> str:
        """Return the constraints that the predicted costs violate in one line; empty for none."""
        if not self.constraints:
            return ""
        costs = self.costs(choices).by_quantity()
        return "; ".join(
            reason if constraint.quantity in ("params", "macs") else f"predicted {reason}"
            for constraint in self.constraints
            if (reason := constraint.violation(costs, margin=self.margin))
        )

    def log_cost_factor(self, choices: Choices) -> float:
        """Return log(reward / accuracy) of a candidate, as far as its costs are known.

        Without a step time table this is the factor of the parameters alone.
        """
        architecture = self.space.architecture(choices)
        step_time = self.relative_step_time(architecture) or 1.0
        params = count_params(architecture, self.num_classes) / self._reference_params
        return math.log(weighted_product(1.0, step_time, params, w=self.w, v=self.v))
