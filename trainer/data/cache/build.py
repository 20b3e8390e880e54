"""Decoding of a data set into the files of a cache folder, in threads."""

import json
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search_space.atomic_file import sync
from trainer.config import ReadingConfig
from trainer.data.cache.content_digest import block_digest, num_threads
from trainer.data.cache.decode import UndecodableError, decode, decoding_warnings
from trainer.data.cache.images import FORMAT_VERSION, META_NAME, array_file, meta_digest
from trainer.data.progress import DecodingProgress
from trainer.data.sources.source import OpenedSource, Source, SourceSplit

# Images that a thread decodes at a time; few, so that waiting chunks need little memory.
CHUNK_IMAGES = 64
CHUNK_BYTES = 8 * 2**20

# Pixels (count, size, size, 3), native short sides (count,) in pixels, and one text per fault.
DecodedChunk = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], list[str]]


def build(
    source: Source,
    opened: OpenedSource,
    *,
    folder: Path,
    image_size: int,
    reading: ReadingConfig,
    on_progress: DecodingProgress,
) -> None:
    """Decode every split into the empty `folder` and write meta.json.

    All images are decoded before an error is raised, so that the message has the number of
    damaged ones.

    Raises:
        ValueError: If images cannot be decoded; gives their number and the first.
        OSError: If a file cannot be read or written.
    """
    total = sum(len(split.labels) for split in opened.splits.values())
    faults: list[str] = []
    native_sizes: dict[str, int] = {}
    done = 0
    for name, split in opened.splits.items():
        sizes: list[npt.NDArray[np.int64]] = []
        path = folder / array_file(name, "images")
        with path.open("wb") as file, closing(_decoded(split, image_size, reading)) as chunks:
            shape = (len(split.labels), image_size, image_size, 3)
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for pixels, chunk_sizes, chunk_faults in chunks:
                # Writes, because on a full disk a writable memory map kills the process.
                file.write(pixels.data)
                sizes.append(chunk_sizes)
                faults.extend(chunk_faults)
                done += len(pixels)
                on_progress(done, total)
        native_sizes[name] = int(np.median(np.concatenate(sizes)))
    if faults:
        raise ValueError(f"{len(faults)} of {total} images cannot be decoded, first: {faults[0]}")
    meta = {
        "format": FORMAT_VERSION,
        "name": source.name,
        "class_names": list(opened.class_names),
        "image_size": image_size,
        "native_size": native_sizes["train"],
        "default_flip": source.default_flip,
        "notes": [*opened.notes],
        "splits": {name: _finish(folder, name, split) for name, split in opened.splits.items()},
    }
    text = json.dumps({**meta, "sha256": meta_digest(meta)}, indent=1)
    (folder / META_NAME).write_text(text, encoding="utf-8")
    sync(folder / META_NAME)


def _decoded(
    split: SourceSplit, image_size: int, reading: ReadingConfig
) -> Generator[DecodedChunk, None, None]:
    """Yield the chunks of a split in order; threads decode ahead, as Pillow releases the GIL."""
    workers = num_threads()
    step = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (3 * image_size**2)))
    pending: deque[Future[DecodedChunk]] = deque()
    with decoding_warnings(), ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, len(split.labels), step):
                stop = min(start + step, len(split.labels))
                job = pool.submit(_decode_chunk, split, start, stop, image_size, reading)
                pending.append(job)
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # after an error or an interrupt the pending images are not needed
            pool.shutdown(wait=False, cancel_futures=True)


def _decode_chunk(
    split: SourceSplit, start: int, stop: int, image_size: int, reading: ReadingConfig
) -> DecodedChunk:
    pixels = np.zeros((stop - start, image_size, image_size, 3), dtype=np.uint8)
    native_sizes = np.zeros(stop - start, dtype=np.int64)
    faults = []
    for i, raw in enumerate(split.read(start, stop)):
        try:
            decoded = decode(raw, image_size, fit=reading.fit)
            pixels[i], native_sizes[i] = decoded.pixels, decoded.native_size
        except UndecodableError as error:
            faults.append(f"{split.where(start + i)}: {error}")
    return pixels, native_sizes, faults


def _finish(folder: Path, name: str, split: SourceSplit) -> dict[str, Any]:
    """Write labels and groups of a split, flush its files, and return its entry of meta.json."""
    arrays = {"labels": split.labels, "groups": split.groups}
    present = {array: values for array, values in arrays.items() if values is not None}
    for array, values in present.items():
        np.save(folder / array_file(name, array), values.astype(np.int64))
    described = {}
    for array in ("images", *present):
        file = folder / array_file(name, array)
        sync(file)
        described[array] = {"bytes": file.stat().st_size, "sha256": block_digest(file)}
    return {"count": len(split.labels), "arrays": described}
