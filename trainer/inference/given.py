"""The pictures that a program gives: paths, and pictures in memory."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import PIL.Image

from trainer.data.sources.source import RawImage
from trainer.inference.finding import find_pictures
from trainer.inference.pictures import GivenPicture, GivenPictures, Pictures, picture_of

SEVERAL_DIMENSIONS = 4  # of an array with several images

Image = str | Path | GivenPicture


def given_pictures(images: Image | Iterable[Image]) -> Pictures:
    """Return the pictures that a program gives; paths and pictures in memory may be mixed.

    Errors are those of `find_pictures` and `picture_of`.
    """
    names: list[str] = []
    pictures: list[RawImage | Path] = []
    for number, one in enumerate(_listed(images)):
        if isinstance(one, str | Path):
            found = find_pictures([one]).pictures
            names += found.names
            pictures += found.paths
        else:
            names.append(f"image {number}")
            pictures.append(picture_of(one))
    return GivenPictures(names=names, pictures=pictures)


def _listed(images: Image | Iterable[Image]) -> Iterable[Image]:
    """Return the images of a call that may have got a single one."""
    if isinstance(images, np.ndarray):
        return [*images] if images.ndim == SEVERAL_DIMENSIONS else [images]
    return [images] if isinstance(images, str | Path | bytes | PIL.Image.Image) else images
