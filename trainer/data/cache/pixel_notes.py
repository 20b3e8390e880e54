"""Notes on images that are decoded correctly and may still be of little use."""

import numpy as np
import numpy.typing as npt

from trainer.config import ReadingConfig
from trainer.data.cache.facts import Facts

# Photographs of 4:3 keep 0.75 of their pixels, those of 16:9 keep 0.56.
KEPT_SHARE = 0.7
# A minority of wider images is noted if it is this share of the images, and loses half.
WIDE_SHARE, WIDE_ASPECT = 0.1, 2.0
# Levels of 255. An image with 12-bit values in 16 bits has at most 15.
DARK_LEVEL = 40
FLAT_CONTRAST = 6


def pixel_notes(facts: Facts, reading: ReadingConfig) -> list[str]:
    """Return notes on the training images: what they lose, and what may be wrong with them.

    Args:
        facts: Facts of the decoded training images, as of `trainer.data.cache.facts`.
        reading: How the images were made square.
    """
    notes = [_lost_sides(facts["aspect"]) if reading.fit == "crop" else None]
    brightest, contrast = np.median(facts["brightest"]), np.median(facts["contrast"])
    if brightest < DARK_LEVEL:
        notes.append(
            f"the images are nearly black: the brightest level of half of them is at most "
            f"{brightest:.0f} of 255; if their files use a part of the range, such as 12 bits of "
            "16, scale them to the whole range first"
        )
    elif contrast < FLAT_CONTRAST:
        notes.append(
            f"half of the images are of nearly one colour: their pixels differ by at most "
            f"{contrast:.0f} levels of 255"
        )
    return [note for note in notes if note]


def _lost_sides(aspects: npt.NDArray[np.float32]) -> str | None:
    """Return a note if the centre squares lose much; `aspects` are long / short sides."""
    choice = "--fit pad or --fit squash keep all of it"
    median = float(np.median(aspects))
    if 1 / median < KEPT_SHARE:
        return (
            f"the images are {median:.1f}:1 (median), and their centre squares keep "
            f"{100 / median:.0f} % of each; {choice}"
        )
    wide = float((aspects > WIDE_ASPECT).mean())
    if wide < WIDE_SHARE:
        return None
    return (
        f"{100 * wide:.0f} % of the images are more than {WIDE_ASPECT:.0f}:1, and their centre "
        f"squares keep less than half of each; {choice}"
    )
