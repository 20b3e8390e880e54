"""The images of an evaluation: those that the training was evaluated on, or others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trainer.config import ReadingConfig
from trainer.data.cache.changes import what_changed
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.data.holdout import holdout
from trainer.data.labels import Indices
from trainer.data.prepare import prepare
from trainer.data.progress import DecodingProgress
from trainer.evaluation.classes import with_labels_of
from trainer.evaluation.opening import is_of_training, open_images
from trainer.evaluation.record import SplitName
from trainer.evaluation.trained_on import TrainedOn
from trainer.evaluation.usage_notes import usage_notes
from trainer.model_file import ModelFile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluatedImages:
    """Images that a model is evaluated on.

    Attributes:
        data: Where they are from, see `prepare`; None if only their cache is left.
        reading: How they are found and made square.
        cached: The data set, decoded as for the training of the model.
        name: Which of its images.
        split: The split that has them, with labels by output of the network.
        indices: (count,) int64, positions in it.
        of_training: Whether the data set is the one that the model was trained on.
        notes: What the user should know about them, a sentence each.
    """

    data: str | None
    reading: ReadingConfig
    cached: CachedImages
    name: SplitName
    split: ImageSplit
    indices: Indices
    of_training: bool
    notes: tuple[str, ...]

    def require_sizes(self, image_sizes: Sequence[int]) -> None:
        """Check that the images can be decoded for these image sizes.

        Raises:
            ValueError: If one is larger than the images of the cache and the files are gone.
        """
        usual, largest = self.cached.image_size, max(image_sizes)
        if self.data is None and largest > usual:
            raise ValueError(
                f"--image-size {largest}: only images of {usual} px are left in the cache; give "
                "--data with the files to decode larger ones"
            )

    def at_size(
        self, image_size: int, on_progress: DecodingProgress | None = None
    ) -> "EvaluatedImages":
        """Return the images decoded for an image size: larger if it is above the usual one.

        Raises:
            ValueError: If they must be decoded and are gone, or have changed.
            OSError: If a file cannot be read or written.
        """
        if image_size <= self.cached.image_size:
            return self
        self.require_sizes([image_size])
        assert self.data is not None
        larger = prepare(self.data, image_size, self.reading, on_progress=on_progress)
        split = larger.splits[stored_split(self.name)]
        if larger.content != self.cached.content or len(split) != len(self.split):
            raise ValueError(f"{self.data} was changed while it was evaluated; start again")
        return replace(self, cached=larger, split=replace(split, labels=self.split.labels))


def stored_split(name: SplitName) -> str:
    """Return the split of the data set that has these images."""
    return "train" if name == "holdout" else name


def find_images(
    model: ModelFile,
    trained: TrainedOn,
    *,
    data: str | None,
    split: SplitName | None,
    skip_damaged: float | None = None,
    on_progress: DecodingProgress | None = None,
) -> EvaluatedImages:
    """Return the images to evaluate a model on, decoded as for its training.

    Args:
        model: The model.
        trained: What its training recorded.
        data: Where they are from, see `prepare`; None for the images of the training.
        split: Which of them. None takes those that the training was evaluated on, and of other
            images test, validation or training images, the first of these that there are.
        skip_damaged: Value of ``--skip-damaged`` for other images; None refuses damaged ones.
        on_progress: Receives the progress of the decoding.

    Raises:
        ValueError: If there are no such images, or they cannot be those of the training, or they
            have a class that the model does not know.
        OSError: If a file cannot be read or written.
    """
    if data is not None and str(Path(data).expanduser().absolute()) == trained.data:
        data = None
    _check_choice(trained, split, is_other=data is not None, skip_damaged=skip_damaged)
    usual = ReadingConfig(fit=model.preprocessing.fit, skip_damaged=skip_damaged or 0.0)
    found = open_images(trained, data, split, usual, model.preprocessing.decoded_size, on_progress)
    cached, name = found.cached, found.name
    if stored_split(name) not in cached.splits:
        names = ", ".join(cached.splits)
        raise ValueError(f"--split {name}: {cached.name} has no such images; it has {names}")
    images = with_labels_of(
        cached.splits[stored_split(name)], cached.class_names, model.class_names, data=cached.name
    )
    indices = np.arange(len(images))
    if name == "holdout":
        indices = _held_out(cached, found.reading, trained)
    known = data is None or found.of_training
    notes = usage_notes(model, cached, images.labels[indices], name, of_training=known)
    if found.data is None:
        note = f"the files of the images are gone; those decoded in {cached.path} are used"
        notes = (note, *notes)
    if known and not found.of_training:
        change = _change(cached, found.reading, trained)
        notes = (f"the images are no longer those of the training: {change}", *notes)
    return EvaluatedImages(
        data=found.data,
        reading=found.reading,
        cached=cached,
        name=name,
        split=images,
        indices=indices,
        of_training=found.of_training,
        notes=notes,
    )


def _check_choice(
    trained: TrainedOn, split: SplitName | None, *, is_other: bool, skip_damaged: float | None
) -> None:
    """Check what can be checked before the images are opened.

    Raises:
        ValueError: If the training held no images out, or its images are to be read otherwise.
    """
    if split == "holdout" and trained.evaluated_on not in ("holdout", None):
        raise ValueError(
            "--split holdout: this training held no images out; it was evaluated on its "
            f"{trained.evaluated_on} images"
        )
    if skip_damaged is not None and (not is_other or split == "holdout"):
        raise ValueError(
            "--skip-damaged needs other images, given by --data; those of the training are read "
            "as the training read them"
        )


def _change(cached: CachedImages, reading: ReadingConfig, trained: TrainedOn) -> str:
    """Return how the images of now differ from those of the training."""
    return what_changed(cached, reading, cache=str(trained.cache), recorded=trained.recorded)


def _held_out(cached: CachedImages, reading: ReadingConfig, trained: TrainedOn) -> Indices:
    """Return the positions of the images that the training held out.

    Raises:
        ValueError: If they cannot be found again.
    """
    if not is_of_training(cached, trained):
        change = what_changed(cached, reading, cache=str(trained.cache), recorded=trained.recorded)
        raise ValueError(
            "--split holdout: the images are no longer those of the training, so that held-out "
            f"and training images cannot be told apart: {change}"
        )
    if trained.seed is None or trained.holdout is None:
        raise ValueError(
            "--split holdout: the model file does not say which images were held out, and there "
            "is no config.yaml beside it; use the folder of the run"
        )
    _, chosen = holdout(
        cached.splits["train"],
        size=trained.holdout,
        seed=trained.seed,
        class_names=cached.class_names,
    )
    if trained.num_evaluated not in (None, len(chosen)):
        raise ValueError(
            f"--split holdout: the training held {trained.num_evaluated} images out, and now "
            f"these would be {len(chosen)}; other images may be damaged or copies of each other"
        )
    return chosen
