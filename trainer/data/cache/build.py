"""Decoding of a data set into the files of a cache folder, in threads."""

import json
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from search_space.atomic_file import sync
from trainer.config import ReadingConfig
from trainer.data.cache.content_digest import block_digest, num_threads
from trainer.data.cache.damaged import DAMAGED, DamagedImages
from trainer.data.cache.decode import UndecodableError, decode, decoding_warnings
from trainer.data.cache.depth import equalize_depths, set_depth
from trainer.data.cache.duplicates import Duplicates, KeptSplit, shared_group_notes
from trainer.data.cache.facts import Facts, facts_of, no_facts
from trainer.data.cache.images import FORMAT_VERSION, META_NAME, array_file, meta_digest
from trainer.data.cache.origins import ORIGIN_ENDS, ORIGINS, packed
from trainer.data.cache.pixel_notes import pixel_notes
from trainer.data.labels import similar_classes_note
from trainer.data.progress import DecodingProgress
from trainer.data.sources.source import OpenedSource, Source, SourceSplit

# Images that a thread decodes at a time; few, so that waiting chunks need little memory.
CHUNK_IMAGES = 64
CHUNK_BYTES = 8 * 2**20

# Pixels (count, size, size, 3), facts (count,), and one text per fault; a damaged image is black.
DecodedChunk = tuple[npt.NDArray[np.uint8], Facts, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTask:
    """How the images of a source are decoded, and where errors are listed.

    Attributes:
        source: The source.
        content: Digest of its content.
        image_size: Side of the square images, pixels.
        reading: How they are made square, and how many may be damaged.
        damaged_list: File that gets the list of damaged images if there are too many.
    """

    source: Source
    content: str
    image_size: int
    reading: ReadingConfig
    damaged_list: Path


def build(
    task: BuildTask, opened: OpenedSource, folder: Path, on_progress: DecodingProgress
) -> None:
    """Decode every split into the empty `folder` and write meta.json.

    All images are decoded before an error is raised, so that the list of the damaged ones is
    complete.

    Raises:
        ValueError: If more images cannot be decoded than may be damaged, or all of a class;
            gives their number, the first and the list.
        OSError: If a file cannot be read or written.
    """
    totals = {name: len(split.labels) for name, split in opened.splits.items()}
    with closing(DamagedImages(folder / DAMAGED)) as damaged:
        facts = _decode_splits(task, opened, folder, damaged, on_progress)
    damaged.require_few(totals, share=task.reading.skip_damaged, moved_to=task.damaged_list)
    kept = {
        name: KeptSplit(
            source=split,
            kept=np.flatnonzero(facts[name]["decoded"]),
            digests=facts[name]["digest"][facts[name]["decoded"]],
        )
        for name, split in opened.splits.items()
    }
    trained = kept["train"]
    damaged.require_classes(
        trained.source.labels[trained.kept], opened.class_names, moved_to=task.damaged_list
    )
    depth_notes = equalize_depths(folder, facts, task.image_size)
    duplicates = Duplicates(splits=kept, class_names=opened.class_names)
    duplicates.write(folder)
    of_training = facts["train"][trained.kept]
    root = "" if task.source.root is None else f"{task.source.root}/"
    meta = {
        "format": FORMAT_VERSION,
        "content": task.content,
        "name": task.source.name,
        "class_names": list(opened.class_names),
        "image_size": task.image_size,
        "native_size": int(np.median(of_training["native_size"])),
        "default_flip": task.source.default_flip,
        "level_bits": set_depth(facts),
        "notes": [
            *opened.notes,
            *filter(None, [similar_classes_note(opened.class_names)]),
            *damaged.notes(totals),
            *duplicates.notes(),
            *shared_group_notes(kept),
            *depth_notes,
            *pixel_notes(of_training, task.reading),
        ],
        "splits": {
            name: _finish(folder, name, split, duplicates if name == "train" else None, root)
            for name, split in kept.items()
        },
    }
    text = json.dumps({**meta, "sha256": meta_digest(meta)}, indent=1)
    (folder / META_NAME).write_text(text, encoding="utf-8")
    sync(folder / META_NAME)


def _decode_splits(
    task: BuildTask,
    opened: OpenedSource,
    folder: Path,
    damaged: DamagedImages,
    on_progress: DecodingProgress,
) -> dict[str, Facts]:
    """Write the sound images of all splits, and return the facts of all images by split."""
    total = sum(len(split.labels) for split in opened.splits.values())
    facts: dict[str, Facts] = {}
    for name, split in opened.splits.items():
        done = sum(map(len, facts.values()))

        def report(images: int, before: int = done) -> None:
            on_progress(before + images, total)

        facts[name] = _decode_split(task, split, folder, name, damaged, report)
    return facts


def _decode_split(
    task: BuildTask,
    split: SourceSplit,
    folder: Path,
    name: str,
    damaged: DamagedImages,
    report: Callable[[int], None],
) -> Facts:
    """Write the sound images of a split, and return the facts of all of them."""
    facts = no_facts(len(split.labels))
    done = kept = 0
    path = folder / array_file(name, "images")
    with path.open("wb") as file, closing(_decoded(split, task)) as chunks:
        header_bytes = _write_header(file, len(facts), task.image_size)
        for pixels, chunk_facts, faults in chunks:
            sound = chunk_facts["decoded"]
            # Writes, because on a full disk a writable memory map kills the process.
            file.write((pixels if sound.all() else pixels[sound]).data)
            damaged.add(name, faults)
            facts[done : done + len(pixels)] = chunk_facts
            done += len(pixels)
            kept += int(sound.sum())
            report(done)
        file.seek(0)
        if _write_header(file, kept, task.image_size) != header_bytes:  # NumPy reserves digits
            raise RuntimeError(f"{path}: the header of {kept} images has another length")
    return facts


def _write_header(file: IO[bytes], count: int, image_size: int) -> int:
    """Write the header of `count` images, and return the position after it."""
    shape = (count, image_size, image_size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _decoded(split: SourceSplit, task: BuildTask) -> Generator[DecodedChunk, None, None]:
    """Yield the chunks of a split in order; threads decode ahead, as Pillow releases the GIL."""
    workers = num_threads()
    step = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (3 * task.image_size**2)))
    pending: deque[Future[DecodedChunk]] = deque()
    with decoding_warnings(), ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, len(split.labels), step):
                stop = min(start + step, len(split.labels))
                pending.append(pool.submit(_decode_chunk, split, start, stop, task))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # after an error or an interrupt the pending images are not needed
            pool.shutdown(wait=False, cancel_futures=True)


def _decode_chunk(split: SourceSplit, start: int, stop: int, task: BuildTask) -> DecodedChunk:
    size = task.image_size
    pixels = np.zeros((stop - start, size, size, 3), dtype=np.uint8)
    facts, faults = no_facts(stop - start), []
    for i, raw in enumerate(split.read(start, stop)):
        try:
            decoded = decode(raw, size, fit=task.reading.fit)
            pixels[i], facts[i] = decoded.pixels, facts_of(raw, decoded)
        except UndecodableError as error:
            faults.append(f"{split.where(start + i)}: {error}")
    return pixels, facts, faults


def _finish(
    folder: Path,
    name: str,
    split: KeptSplit,
    duplicates: Duplicates | None,
    root: str,
) -> dict[str, Any]:
    """Write labels, groups and origins of a split, flush its files, return its meta.json entry.

    `root` is the beginning of the paths of the data set's files, which is left out.
    """
    source = split.source
    groups = None if source.groups is None else source.groups[split.kept]
    if duplicates is not None:
        groups = duplicates.groups(groups)
    arrays = {
        array: None if values is None else values.astype(np.int64)
        for array, values in (("labels", source.labels[split.kept]), ("groups", groups))
    }
    where = (source.where(int(index)) for index in split.kept)
    text, ends = packed(origin.removeprefix(root) for origin in where)
    present: dict[str, npt.NDArray[Any]] = {ORIGINS: text, ORIGIN_ENDS: ends}
    present |= {array: values for array, values in arrays.items() if values is not None}
    for array, values in present.items():
        np.save(folder / array_file(name, array), values)
    described = {}
    for array in ("images", *present):
        file = folder / array_file(name, array)
        sync(file)
        described[array] = {"bytes": file.stat().st_size, "sha256": block_digest(file)}
    return {"count": len(split.kept), "arrays": described}
