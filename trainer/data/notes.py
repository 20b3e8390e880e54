"""What the user should know about the images of a run."""

from trainer.data.cache.images import CachedImages
from trainer.data.mirrored_classes import mirror_note


def image_notes(images: CachedImages, *, flip: bool) -> list[str]:
    """Return the notes on a data set, a sentence each; they are printed, and kept with the run.

    Args:
        images: The decoded images.
        flip: Whether half of the training images are mirrored.
    """
    mirrored = mirror_note(images.class_names, flip=flip)
    return [*images.notes, *([] if mirrored is None else [mirrored])]
