"""The named sizes of the family, B0 to XL, with their coefficients over the common base."""

from dataclasses import dataclass
from fractions import Fraction

from search_space.checks import require


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSize:
    """A named size of the family.

    Attributes:
        name: B0 to XL.
        width: Multiplier of the base network's channels.
        depth: Multiplier of the base network's layers.
        eval_size: Evaluation image side of the published network, pixels, before any cap.
        back_loaded: Whether it has one more base layer in the last-but-one stage, and a last
            stage of stride 1.
    """

    name: str
    width: float
    depth: float
    eval_size: int
    back_loaded: bool = False


# B0 to B3 are V1's coefficients, as google/automl efficientnetv2/effnetv2_configs.py uses them.
# The same file labels the rows of S, M and L "about base * (1.4, 1.8)", "(1.6, 2.2)" and
# "(2.0, 3.1)", which are V1's B4, B5 and B7. The published XL follows no single coefficient;
# ours takes V1's next one, B8: its layers are the published 4 8 8 in the first stages and 8 in
# the last, and it stays above L in every stage.
SIZES = (
    NamedSize(name="B0", width=1.0, depth=1.0, eval_size=224),
    NamedSize(name="B1", width=1.0, depth=1.1, eval_size=240),
    NamedSize(name="B2", width=1.1, depth=1.2, eval_size=260),
    NamedSize(name="B3", width=1.2, depth=1.4, eval_size=300),
    NamedSize(name="S", width=1.4, depth=1.8, eval_size=384),
    NamedSize(name="M", width=1.6, depth=2.2, eval_size=480, back_loaded=True),
    NamedSize(name="L", width=2.0, depth=3.1, eval_size=480, back_loaded=True),
    NamedSize(name="XL", width=2.2, depth=3.6, eval_size=512, back_loaded=True),
)
NAMES = tuple(size.name for size in SIZES)

# Source: the rows of M and L in google/automl efficientnetv2/effnetv2_configs.py are base layers
# 1 2 2 3 6 8 2 where S has 1 2 2 3 5 8. The last stage has a quarter of the layers of the stage
# before it, as in the first generation (1 after 4), and its channels: 320 after 192.
EXTRA_BASE_LAYERS = 1
LAST_STAGE_DEPTH_RATIO = Fraction(2, 8)
LAST_STAGE_WIDTH_RATIO = Fraction(320, 192)


def named_size(name: str) -> NamedSize:
    """Return the size called `name`.

    Raises:
        ValueError: If the name is unknown; the message lists the known ones.
    """
    require(name in NAMES, "target", f"one of {', '.join(NAMES)}", name)
    return SIZES[NAMES.index(name)]


def scales_stem_and_head(*names: str) -> bool:
    """Return whether stem and head follow the width between these sizes: only among B0 to B3.

    Source: B0 to B3 multiply both; S, M, L and XL have 24, 24, 32, 32 and 1280 channels there,
        which is not a multiple of their coefficients (effnetv2_configs.py).
    """
    return all(NAMES.index(name) < NAMES.index("S") for name in names)
