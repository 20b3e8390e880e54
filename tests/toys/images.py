"""Functions that write small data sets for tests."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from trainer.data.cache.images import ImageSplit


def picture(seed: int = 0, size: tuple[int, int] = (20, 16)) -> Image.Image:
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def class_folders(root: Path, counts: Mapping[str, int]) -> Path:
    """Write `counts[name]` different images for each class."""
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            seed = sum(root.name.encode()) * 10_000 + 100 * label + i
            (root / name / f"{i}.png").write_bytes(encoded(picture(seed)))
    return root


def labels_file(root: Path, rows: Sequence[Sequence[str]], columns: str = "file,labels") -> Path:
    """Write labels.csv, and an image for each row at the path in its first cell."""
    for i, (file, *_) in enumerate(rows):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(encoded(picture(i)))
    lines = [columns, *(",".join(cells) for cells in rows)]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def parquet(path: Path, columns: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), path)
    return path


def image_cells(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return the cells of an image column as Hugging Face stores them."""
    return [{"bytes": encoded(picture(first + i)), "path": None} for i in range(count)]


def split_of(labels: Sequence[int], groups: Sequence[int] | None = None) -> ImageSplit:
    """Return a split of 8x8 images; image i is filled with i modulo 256."""
    levels = (np.arange(len(labels)) % 256).astype(np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (len(labels), 8, 8, 3)).copy()
    return ImageSplit(
        images=images,
        labels=np.array(labels, dtype=np.int64),
        groups=None if groups is None else np.array(groups, dtype=np.int64),
    )
