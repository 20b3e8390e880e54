"""Writes a part of Imagenette as class folders, with some labels swapped on purpose.

    python -m experiments.label_errors.swap --data DIR --out DIR

DIR of `--data` has the parquet files of Imagenette, squared to 224 px. 320 training images and 100
validation images of each of five classes are written with 96 px. Six training images of each
class get the label of another class; `swapped.json` names them with their right class.
"""

import argparse
import io
import json
import random
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

CLASSES = {0: "tench", 1: "English springer", 4: "church", 6: "garbage truck", 9: "parachute"}
COUNTS = {"train": 320, "validation": 100}
SWAPPED, SIDE, SEED = 6, 96, 13


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rng = random.Random(SEED)
    swapped = {}
    for split, count in COUNTS.items():
        table = pq.read_table(args.data / f"{split}-00000-of-00001.parquet")
        labels = table["label"].to_pylist()
        members = {
            label: [row for row, own in enumerate(labels) if own == label][:count]
            for label in CLASSES
        }
        given = {row: label for label, rows in members.items() for row in rows}
        if split == "train":
            for label, rows in members.items():
                for row in rng.sample(rows, SWAPPED):
                    given[row] = rng.choice([other for other in CLASSES if other != label])
                    path = f"train/{CLASSES[given[row]]}/{row:05d}.jpg"
                    swapped[path] = CLASSES[label]
        for row, label in given.items():
            folder = args.out / "data" / split / CLASSES[label]
            folder.mkdir(parents=True, exist_ok=True)
            picture = Image.open(io.BytesIO(table["image"][row].as_py()["bytes"]))
            small = picture.convert("RGB").resize((SIDE, SIDE))
            small.save(folder / f"{row:05d}.jpg", quality=92)
    (args.out / "swapped.json").write_text(json.dumps(swapped, indent=1) + "\n")


if __name__ == "__main__":
    main()
