"""Random folders, tables and parquet files: each is read, or refused in one line."""

import io
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.toys.images import encoded, picture
from trainer.config import ReadingConfig
from trainer.data.prepare import find_source

LAYOUTS = 1500
IMAGE = encoded(picture())
FOLDERS = (
    *("train", "Training", "test", "val", "dev", "eval", "cat", "dog", "images", "data", "left"),
    *("@eaDir", "a b", "tests", "extra", "[x]", "caf\u00e9", "cafe\u0301", "metadata", "labels"),
)
FILES = (
    *("0.png", "1.PNG", "2.jpg", "x.HEIC", "notes.txt", "Thumbs.db", "._0.png", "3.jpg.part"),
    *("labels.csv", "train.csv", "metadata.csv", "test.csv", "metadata.jsonl", "x.zip"),
    *("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "train.parquet"),
    *("test.parquet", "0000.parquet", "x.parquet"),
)
TEXTS = {
    "csv": (
        *(
            b"",
            b"\xff\xfe",
            b'"""',
            b"a,b,c\n1,2,3\n",
            b"file,label\n\0,a\n",
            b"file,a,b\n0.png,1,0",
        ),
        *(
            b"file,labels\n0.png,a\n1.PNG,b\n",
            b"id;label\n0;a\n1;b\n",
            b"sep=;\nfile;label\n0;1.0\n",
        ),
        *(
            b"file,labels,split\n0.png,a,train\n1.PNG,b,dev\n",
            b"file,labels\n0.png,nan\n1.PNG,1.0",
        ),
        *(
            b"file,labels\n" + b"x" * 5000 + b",a\n",
            b"file,labels,group\n0.png,a|b,1\n1.PNG,a,2\n",
        ),
    ),
    "jsonl": (
        b'{"file_name": "0.png", "label": 1}\n{"file_name": "1.png", "label": 2}\n',
        *(b"", b"{", b"[[[", b"[" * 100_000),
    ),
}
TABLES: tuple[dict[str, list[object]], ...] = (
    {"image": [IMAGE] * 4, "label": [0, 1, 0, 1]},
    {"image": [], "label": []},
    {"image": [IMAGE] * 2, "label": ["a", "b"], "group": [[1], [2]]},
    {"x": [1]},
    {"image": [IMAGE] * 3, "label": [[0], [1], []]},
    {"image": [None, IMAGE], "label": [1.0, 2.5]},
)


def parquet_bytes(rng: random.Random) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(rng.choice(TABLES)), stream)
    content = stream.getvalue()
    return content if rng.random() < 0.8 else content[: len(content) // 2]


def fill(folder: Path, rng: random.Random, depth: int) -> None:
    folder.mkdir(exist_ok=True)
    for name in rng.sample(FILES, rng.choice([0, 0, 1, 2, 3])):
        suffix = name.rpartition(".")[2]
        content = rng.choice(TEXTS[suffix]) if suffix in TEXTS else IMAGE
        (folder / name).write_bytes(parquet_bytes(rng) if suffix == "parquet" else content)
    for name in rng.sample(FOLDERS, rng.choice([0, 1, 2, 3]) if depth else 0):
        fill(folder / name, rng, depth - 1)


@pytest.mark.slow
def test_random_layouts_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    read = 0
    messages: dict[int, str] = {}
    for seed in range(LAYOUTS):
        rng = random.Random(seed)
        root, scratch = tmp_path / f"set{seed}", tmp_path / f"scratch{seed}"
        fill(root, rng, rng.choice([1, 2, 3]))
        scratch.mkdir()
        group = rng.choice([None, None, "", "group", "zz"])
        reading = ReadingConfig(strict=rng.random() < 0.2, group_column=group)
        try:
            source = find_source(str(root), scratch, reading).open(scratch)
        except (ValueError, OSError) as error:
            messages[seed] = str(error)
        else:
            assert len(source.splits["train"].labels) > 0, f"layout {seed}"
            read += 1
    assert {seed: text for seed, text in messages.items() if len(text.splitlines()) != 1} == {}
    assert read > 10
    assert len(messages) > 10
