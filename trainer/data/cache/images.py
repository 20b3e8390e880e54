"""Decoded data sets: memory-mapped uint8 images that all workers share."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search_space.text_files import parse_json, read_text
from trainer.config import ReadingConfig
from trainer.data.cache.origins import ORIGIN_ENDS, ORIGINS, Origins
from trainer.data.labels import Indices, is_multi_label

# Increase the first when the files of a cache change; it is rebuilt under the same name. Increase
# the second when encoded images are decoded to other pixels: caches get other names, and runs
# that began with the earlier pixels are not resumed with the new ones.
FORMAT_VERSION = 4
DECODING_VERSION = 2
META_NAME = "meta.json"
CACHE = "{cache}"  # stands for the cache folder in the notes of meta.json
MAX_META_BYTES = 64 * 2**20  # it has the name of every class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSplit:
    """The decoded images of one split, which are read-only.

    Attributes:
        images: (count, size, size, 3) uint8 RGB, memory-mapped read-only. Take batches by
            fancy indexing, which copies: writing through a view kills the process.
        labels: As of `trainer.data.sources.source.SourceSplit`.
        groups: (count,) int64, the source that each image was made from, or None if every image
            has its own source. Images of one group must not be divided by a split.
        origins: Where each image comes from, such as ``train/cat/1.jpg``; None for images that
            are not from a cache.
    """

    images: npt.NDArray[np.uint8]
    labels: Indices
    groups: Indices | None = None
    origins: Origins | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CachedImages:
    """A data set decoded once at one size, as found in its cache folder.

    Attributes:
        path: The cache folder, which workers open with `open_cache`.
        name: Name for display.
        class_names: Names by label.
        image_size: Side of the square images, pixels.
        native_size: Median short side of the training images before resizing, pixels; if it is
            below `image_size`, the images were enlarged.
        default_flip: Whether mirrored images still show their class: false for digits.
        splits: "train", and "validation" and "test" if the source has them, which are only for
            the final evaluation.
        notes: What the user should know about the images, a sentence each.
        content: Digest of the source that they were decoded from.
        level_bits: Depth from which levels of more than 8 bits were scaled; None without such.
    """

    path: Path
    name: str
    class_names: tuple[str, ...]
    image_size: int
    native_size: int
    default_flip: bool
    splits: Mapping[str, ImageSplit]
    notes: tuple[str, ...] = ()
    content: str = ""
    level_bits: int | None = None

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def multi_label(self) -> bool:
        """Whether images may have several classes."""
        return is_multi_label(self.splits["train"].labels)


def open_cache(path: Path) -> CachedImages:
    """Map the cache folder at `path`, which `prepare` built and verified.

    This is quick, for workers: it checks sizes but not checksums.

    Raises:
        ValueError: If the folder is not a complete cache of this version.
        OSError: If one of its files is missing or cannot be read.
    """
    meta = read_meta(path)
    return CachedImages(
        path=path,
        name=meta["name"],
        class_names=tuple(meta["class_names"]),
        image_size=meta["image_size"],
        native_size=meta["native_size"],
        default_flip=meta["default_flip"],
        splits={name: _open_split(path, name, entry) for name, entry in meta["splits"].items()},
        notes=tuple(note.replace(CACHE, str(path)) for note in meta["notes"]),
        content=meta["content"],
        level_bits=meta["level_bits"],
    )


def cache_name(
    content: str, image_size: int, reading: ReadingConfig, decoding: int = DECODING_VERSION
) -> str:
    """Return the name of the cache folder of some content.

    Args:
        content: Digest of the source's content.
        image_size: Side of the decoded images, pixels.
        reading: How they are found and made square. Strictness changes no pixel and no label.
        decoding: Version of the decoding; 1 for content that is part of a library.
    """
    name = f"{content}/{image_size}/{decoding}"
    # Names from before these settings stay.
    if how := reading.model_dump(exclude={"strict"}, exclude_defaults=True):
        name += f"/{json.dumps(how)}"
    return f"{image_size}px-{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def read_meta(path: Path) -> dict[str, Any]:
    """Return the content of the cache folder's meta.json.

    Raises:
        ValueError: If the file is damaged or has another version.
        OSError: If the file is missing.
    """
    file = path / META_NAME
    try:
        meta = parse_json(read_text(file, max_bytes=MAX_META_BYTES))
    except ValueError as error:  # not JSON, or not text
        raise ValueError(f"{file} is damaged: {error}") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT_VERSION:
        raise ValueError(f"{file} is no image cache of version {FORMAT_VERSION}")
    return meta


def meta_digest(meta: Mapping[str, Any]) -> str:
    """Return the checksum of meta.json, which is computed without the checksum itself."""
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()


def array_file(split: str, array: str) -> str:
    """Return the name of the file of a split's "images", "labels" or "groups"."""
    return f"{split}.{array}.npy"


def _open_split(path: Path, name: str, entry: Mapping[str, Any]) -> ImageSplit:
    arrays = {
        array: np.load(path / array_file(name, array), mmap_mode="r", allow_pickle=False)
        for array in entry["arrays"]
    }
    origins = Origins(text=arrays.pop(ORIGINS), ends=arrays[ORIGIN_ENDS])
    for array, values in arrays.items():
        if len(values) != entry["count"]:
            raise ValueError(
                f"{path / array_file(name, array)} must hold {entry['count']} rows, "
                f"got {len(values)}"
            )
        if array in ("labels", "groups"):  # small and read for every batch: kept in memory
            arrays[array] = np.array(values)
            arrays[array].setflags(write=False)
    del arrays[ORIGIN_ENDS]
    return ImageSplit(**arrays, origins=origins)
