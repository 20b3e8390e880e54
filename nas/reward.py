"""The reward: accuracy, discounted by training step time and number of parameters."""

import math

# Exponents of step time and of parameters (arXiv:2104.00298, section 3.3).
STEP_TIME_EXPONENT = -0.07
PARAMS_EXPONENT = -0.05


def weighted_product(
    accuracy: float,
    relative_step_time: float,
    relative_params: float,
    *,
    w: float = STEP_TIME_EXPONENT,
    v: float = PARAMS_EXPONENT,
) -> float:
    """Return ``A * S**w * P**v``.

    S and P are relative to a reference network. Dividing by it rescales every reward alike, so
    it never reorders candidates, and the reference's own reward is its accuracy. At the default
    exponents twice the step time costs 4.7 % of the reward and twice the parameters 3.4 %.

    Args:
        accuracy: Top-1 accuracy A, in [0, 1].
        relative_step_time: Step time / the reference's, S > 0, no unit.
        relative_params: Parameters / the reference's, P > 0, no unit.
        w: Exponent of S, <= 0: a slower network never gains.
        v: Exponent of P, <= 0.

    Raises:
        ValueError: If an argument is out of range or not a number.

    Source: EfficientNetV2 (arXiv:2104.00298), section 3.3, "NAS Search".
    """
    rules = {
        "accuracy": (0 <= accuracy <= 1, "in [0, 1]", accuracy),
        "relative_step_time": (_positive(relative_step_time), "> 0", relative_step_time),
        "relative_params": (_positive(relative_params), "> 0", relative_params),
        "w": (math.isfinite(w) and w <= 0, "<= 0", w),
        "v": (math.isfinite(v) and v <= 0, "<= 0", v),
    }
    for name, (holds, wanted, value) in rules.items():
        if not holds:
            raise ValueError(f"weighted_product.{name} must be {wanted}, got {value!r}")
    return float(accuracy * relative_step_time**w * relative_params**v)


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
