"""Small pictures of decoded images, as text inside a page."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.cache.images import CachedImages, ImageSplit, open_cache

SIDE = 96  # largest side of a thumbnail, pixels
SMALL = 40  # up to this side a PNG is small, and shows every pixel
JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """The decoded images of a run, or why they are not there.

    Attributes:
        images: The images; None if they cannot be shown.
        reason: Why not, a sentence; empty if they can.
    """

    images: CachedImages | None
    reason: str = ""

    def split(self, name: str) -> ImageSplit | None:
        """Return a split; "holdout" is a part of the training split. None without."""
        if self.images is None:
            return None
        return self.images.splits.get("train" if name == "holdout" else name)


def open_pictures(cache: Path, *, content: str = "") -> Pictures:
    """Open the decoded images in a cache folder; nothing is decoded.

    Args:
        cache: The folder.
        content: Digest of the content that they must be of; "" accepts any.
    """
    try:
        images = open_cache(cache)
    except (OSError, ValueError, LookupError, TypeError):
        return Pictures(
            images=None,
            reason=f"The decoded images are no longer in {cache}, so that none is shown here.",
        )
    if content and images.content and content != images.content:
        return Pictures(
            images=None,
            reason=f"The images in {cache} have changed since, so that none is shown here.",
        )
    return Pictures(images=images)


def data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Return an image as the address of a picture: ``data:image/...``.

    Args:
        pixels: (side, side, 3) uint8 RGB.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    stream = io.BytesIO()
    if max(picture.size) <= SMALL:
        kind = "png"
        picture.save(stream, "PNG", optimize=True)
    else:
        kind = "jpeg"
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
