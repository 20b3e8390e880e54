"""One multiplier each for depth, width and image size of the whole network."""

from scaling.compound import Growth, grow
from scaling.image_size import SizeLimits, scaled_sizes
from scaling.ladder import scales_stem_and_head
from scaling.source import ScaledNetwork, Source, used_constants


def multiply(source: Source, growth: Growth, limits: SizeLimits) -> ScaledNetwork:
    """Multiply every stage of a network alike, and its image size.

    Stem and head follow the width for sources that count as B0 to B3, and are left alone above.

    Raises:
        ValueError: If the cap lies below the source's own image sizes.

    Source: arXiv:1905.11946, section 3.3; stem and head as in effnetv2_configs.py.
    """
    sizes = scaled_sizes(source.image_size, source.image_size.eval * growth.image_size, limits)
    whole = scales_stem_and_head(source.counts_as, source.counts_as)
    return ScaledNetwork(
        architecture=grow(
            source.architecture,
            depth=growth.depth,
            width=growth.width,
            guard=source.guard,
            stem_and_head=whole,
        ),
        train_size=sizes.train,
        eval_size=sizes.eval,
        rule="compound",
        constants={
            **used_constants(source, limits),
            "depth": growth.depth,
            "width": growth.width,
            "image_size": growth.image_size,
            "stem_and_head_scaled": whole,
        },
    )
