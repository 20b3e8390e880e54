"""What the user of a model should know about it."""

from trainer.data.cache.images import DECODING_VERSION
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing


def model_notes(model: ModelFile, image_size: int | None = None) -> tuple[str, ...]:
    """Return notes on a model, a sentence each.

    Args:
        model: The model.
        image_size: Side of the network's input if it is not that of the model, pixels.
    """
    decoded = model.preprocessing.decoded_size
    notes = [
        decoding_note(model.preprocessing),
        "images of the training could have several classes; the probabilities of all classes "
        "sum to 1 for each image"
        if model.multi_label
        else None,
        larger_note(image_size, decoded)
        if image_size is not None and image_size > decoded
        else None,
    ]
    return tuple(filter(None, notes))


def larger_note(image_size: int, decoded_size: int) -> str:
    """Return the note on an image size above the decoded size of the training, both in pixels."""
    return (
        f"for {image_size} px the pictures are decoded at {image_size} px; in the training they "
        f"were decoded at {decoded_size} px"
    )


def decoding_note(preprocessing: Preprocessing) -> str | None:
    """Return a sentence about a model whose images were decoded by another version, or None.

    Models of before version 2 do not hold how their images were decoded.
    """
    version = preprocessing.decoding
    if version == DECODING_VERSION:
        return None
    if version < 2:
        return (
            "the model is of an earlier version of this program and does not hold how its images "
            "were decoded; the usual way is taken, and pixels may differ slightly from those of "
            "its training"
        )
    other = "an earlier" if version < DECODING_VERSION else "a newer"
    return (
        f"the images of this model's training were decoded by {other} version of this program "
        f"(decoding {version}, here {DECODING_VERSION}); pixels of some images may differ slightly"
    )
