"""Galleries: images of a data set with what networks say about them."""

from collections.abc import Iterable
from dataclasses import dataclass

from nas.report.thumbnails import Pictures, data_uri
from trainer.evaluation.files import PredictedImage

MAX_PICTURES = 60  # of a page: some KiB each
MAX_OF_GALLERY = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One image of a gallery.

    Attributes:
        picture: Address of the thumbnail; "" if the decoded images are gone.
        label: Its class in the data set.
        label_share: Probability of the label by the networks, in words.
        said: What the networks say.
        said_share: Probability of that, in words.
        origin: Where the image comes from.
        by: Who says it, in words; "" if one network says everything.
    """

    picture: str
    label: str
    label_share: str
    said: str
    said_share: str
    origin: str
    by: str = ""


def confident_mistakes(
    predictions: Iterable[PredictedImage], *, count: int
) -> tuple[PredictedImage, ...]:
    """Return the images with a wrong prediction, those that the network is most sure of first.

    Args:
        predictions: Predictions of one network.
        count: The most images to return.
    """
    wrong = [one for one in predictions if not one.correct]
    wrong.sort(key=lambda one: (-one.confidence, one.label_probability, one.index))
    return tuple(wrong[:count])


def mistake_gallery(
    mistakes: Iterable[PredictedImage], pictures: Pictures, split: str
) -> tuple[Shown, ...]:
    """Return the gallery of one network's mistakes.

    Args:
        mistakes: The images, in their order.
        pictures: The decoded images.
        split: Name of their split.
    """
    return tuple(
        Shown(
            picture=thumbnail(pictures, split, one.index),
            label=one.label,
            label_share=share(one.label_probability),
            said=one.prediction,
            said_share=share(one.confidence),
            origin=one.image or f"image {one.index}",
        )
        for one in mistakes
    )


def thumbnail(pictures: Pictures, split: str, index: int) -> str:
    """Return the thumbnail of an image; "" if it is not there."""
    found = pictures.split(split)
    if found is None or not 0 <= index < len(found):
        return ""
    return data_uri(found.images[index])


def share(value: float) -> str:
    """Return a probability as a percentage; one that is nearly 1 is not called 100 %."""
    percent = 100 * value
    if 99.95 <= percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"
