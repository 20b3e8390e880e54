"""What the user should know about the images that a model is evaluated on."""

from trainer.data.cache.images import CachedImages
from trainer.data.labels import Indices
from trainer.evaluation.classes import missing_note
from trainer.evaluation.record import SplitName
from trainer.inference.model_notes import decoding_note
from trainer.model_file import ModelFile


def usage_notes(
    model: ModelFile,
    cached: CachedImages,
    labels: Indices,
    name: SplitName,
    *,
    of_training: bool,
) -> tuple[str, ...]:
    """Return a sentence for everything that makes the accuracy mean less than it seems to.

    Args:
        model: The model.
        cached: The data set.
        labels: (count,) or (count, k) int64, of the evaluated images, by output of the model.
        name: Which images these are.
        of_training: Whether the data set is the one that the model was trained on.
    """
    preprocessing = model.preprocessing
    notes = [] if of_training else [*cached.notes]  # the training has shown them
    if name == "train" and of_training:
        notes.append(
            "the network was trained on these images; its accuracy on new images is lower"
        )
    if missing := missing_note(labels, model.class_names):
        notes.append(missing)
    if cached.level_bits != preprocessing.level_bits:
        depths = [
            "8 bits" if bits is None else f"{bits} bits"
            for bits in (cached.level_bits, preprocessing.level_bits)
        ]
        notes.append(
            f"the images have levels of {depths[0]}, and those of the training had {depths[1]}; "
            "the network may see them brighter or darker"
        )
    if of_training and (note := decoding_note(preprocessing)):
        notes.append(note)
    return tuple(notes)
