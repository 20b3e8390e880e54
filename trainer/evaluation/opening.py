"""Opening a data set for an evaluation, and choosing which of its images are evaluated."""

from pathlib import Path
from typing import NamedTuple

from trainer.config import ReadingConfig
from trainer.data.cache.images import CachedImages, open_cache
from trainer.data.prepare import prepare
from trainer.data.progress import DecodingProgress
from trainer.evaluation.record import SplitName
from trainer.evaluation.trained_on import TrainedOn
from trainer.inference.data_set import BY_PREFERENCE


class Opened(NamedTuple):
    """A data set, how it was read, and which of its images are to be evaluated."""

    data: str | None
    cached: CachedImages
    reading: ReadingConfig
    name: SplitName
    of_training: bool


def open_images(
    trained: TrainedOn,
    data: str | None,
    split: SplitName | None,
    usual: ReadingConfig,
    size: int,
    on_progress: DecodingProgress | None,
) -> Opened:
    """Open the images; `usual` is how other images than those of the training are read."""
    place = _place(trained) if data is None else data

    def opened(reading: ReadingConfig) -> CachedImages:
        if place is not None:
            return prepare(place, size, reading, on_progress=on_progress)
        assert trained.cache is not None  # `_place` has checked it
        return open_cache(trained.cache)

    reading = trained.reading if data is None or split == "holdout" else usual
    cached = opened(reading)
    # Images that changed since the training are still mostly the ones that it knows.
    known = data is None or is_of_training(cached, trained)
    name = split or (trained.evaluated_on if known else None) or _preferred(cached)
    if name == "holdout" and reading != trained.reading:  # the groups of images may differ
        reading = trained.reading
        cached = opened(reading)
    return Opened(place, cached, reading, name, is_of_training(cached, trained))


def is_of_training(cached: CachedImages, trained: TrainedOn) -> bool:
    """Return whether the data set is that of the training, with the same content."""
    if trained.content is not None:
        return cached.content == trained.content
    # The name of a cache folder is a digest of the content and of how it is decoded.
    return trained.cache is not None and trained.cache.name == cached.path.name


def _place(trained: TrainedOn) -> str | None:
    """Return where the images of the training are, or None if only their cache is left.

    Raises:
        ValueError: If that is gone too.
    """
    place = trained.data
    if place is not None and (not Path(place).is_absolute() or Path(place).exists()):
        return place
    if trained.cache is not None and trained.cache.is_dir():
        return None
    if place is None:
        raise ValueError("give --data: it is not recorded where the images of the training are")
    raise ValueError(
        f"the images of the training were in {place}, which does not exist now; give --data with "
        "their new place"
    )


def _preferred(cached: CachedImages) -> SplitName:
    return next(name for name in BY_PREFERENCE if name in cached.splits)
