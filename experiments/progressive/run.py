"""Fixed size, progressive with the same regularisation, progressive with adaptive regularisation.

    python experiments/progressive/run.py --data imagenette224 --out runs/progressive

Runs nas-train once for every arm and seed, one after the other on one thread, and appends a row
to results.csv in OUT. After an interruption it continues: a training whose row exists is not
run again. `figure.py` draws the rows.
"""

import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from search_space.architecture import Architecture, BlockType, Stage
from search_space.architecture_file import ArchitectureFile, save_architecture

HERE = Path(__file__).parent
EPOCHS = 20
SEEDS = (0, 1, 2)
RECIPES = ("fixed", "same", "adaptive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result of one training."""

    arm: str
    recipe: str
    seed: int
    epochs: float
    top1: float
    top1_ema: float
    train_cpu_seconds: float  # of all training steps
    command_cpu_seconds: float  # also reading, pre-flight and the evaluation
    train_wall_seconds: float
    images_per_sec_by_phase: str
    device: str
    torch_version: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of Imagenette's parquet files"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/progressive"))
    parser.add_argument("--per-class", type=int, default=250, help="training images of each class")
    args = parser.parse_args()
    if not list(args.data.glob("*.parquet")):
        sys.exit(f"run.py: {args.data} holds no parquet files")
    args.out.mkdir(parents=True, exist_ok=True)
    network = args.out / "network.json"
    save_architecture(network, network_file())
    data = subset(args.data, args.out / "images", args.per_class)
    rows = read_rows(args.out / "results.csv")
    for arm, recipe, seed, equal_time in plan():
        if any((row.arm, row.seed) == (arm, seed) for row in rows):
            continue
        epochs = EPOCHS * (time_ratio(rows, recipe) if equal_time else 1.0)
        row = train(arm, recipe, seed, epochs, network=network, data=data, out=args.out)
        rows.append(row)
        append(args.out / "results.csv", row)
        print(row, flush=True)


def plan() -> Iterator[tuple[str, str, int, bool]]:
    """Yield arm, recipe, seed, and whether it gets the time that seed 0 took at a fixed size."""
    for seed in SEEDS:
        for recipe in RECIPES:
            yield recipe, recipe, seed, False
        for recipe in RECIPES[1:]:
            yield f"{recipe}-equal-time", recipe, seed, True


def time_ratio(rows: list[Row], recipe: str) -> float:
    seconds = {row.arm: row.train_cpu_seconds for row in rows if row.seed == 0}
    return seconds["fixed"] / seconds[recipe]


def network_file() -> ArchitectureFile:
    """A small V2: Fused-MBConv early, MBConv late, halved five times; 0.86 M parameters."""
    fused, mbconv = BlockType.FUSED_MBCONV, BlockType.MBCONV
    stages = (
        Stage(
            block=fused, depth=1, width=32, kernel_size=3, expand_ratio=2, stride=2, se_ratio=0.0
        ),
        Stage(
            block=fused, depth=2, width=64, kernel_size=3, expand_ratio=2, stride=2, se_ratio=0.0
        ),
        Stage(
            block=fused, depth=2, width=96, kernel_size=3, expand_ratio=2, stride=2, se_ratio=0.0
        ),
        Stage(
            block=mbconv,
            depth=2,
            width=160,
            kernel_size=3,
            expand_ratio=4,
            stride=2,
            se_ratio=0.25,
        ),
    )
    architecture = Architecture(stem_width=16, stages=stages, head_width=512)
    return ArchitectureFile(
        architecture=architecture, name="small-v2", train_size=160, eval_size=160
    )


def subset(source: Path, folder: Path, per_class: int) -> Path:
    """Write the first `per_class` training images of each class, and all of validation."""
    folder.mkdir(exist_ok=True)
    for file in sorted(source.glob("*.parquet")):
        target = folder / file.name
        if target.exists():
            continue
        table = pq.read_table(file)
        if file.name.startswith("train"):
            labels = table["label"]
            chosen = [
                table.filter(pc.equal(labels, label)).slice(0, per_class)
                for label in sorted(pc.unique(labels).to_pylist())
            ]
            table = pa.concat_tables(chosen).replace_schema_metadata(table.schema.metadata)
        pq.write_table(table, target)
    return folder


def train(
    arm: str, recipe: str, seed: int, epochs: float, *, network: Path, data: Path, out: Path
) -> Row:
    name = f"{arm}-{seed}"
    command = [
        str(Path(sys.executable).parent / "nas-train"),
        *("--arch", str(network), "--data", str(data), "--recipe", str(HERE / f"{recipe}.yaml")),
        *("--epochs", f"{epochs:.2f}", "--seed", str(seed), "--threads", "1"),
        *("--precision", "bf16", "--out", str(out), "--name", name),
    ]
    # A resumed training would report only a part of its time.
    shutil.rmtree(out / name, ignore_errors=True)
    before = cpu_of_children()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    seconds = cpu_of_children() - before
    summary = json.loads((out / name / "summary.json").read_text())
    final = summary["final"]
    return Row(
        arm=arm,
        recipe=recipe,
        seed=seed,
        epochs=summary["epochs"],
        top1=float(final["top1"]),
        top1_ema=float(final["ema_top1"]),
        train_cpu_seconds=summary["train_cpu_seconds"],
        command_cpu_seconds=seconds,
        train_wall_seconds=summary["train_seconds"],
        images_per_sec_by_phase=" ".join(
            f"{phase['image_size']}px:{phase['images_per_sec']:.0f}" for phase in summary["phases"]
        ),
        device=summary["device"],
        torch_version=summary["torch_version"],
    )


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            Row(
                **{
                    name: float(value)
                    if name in NUMBERS
                    else int(value)
                    if name == "seed"
                    else value
                    for name, value in row.items()
                }
            )
            for row in csv.DictReader(file)
        ]


NUMBERS = (
    "epochs",
    "top1",
    "top1_ema",
    "train_cpu_seconds",
    "command_cpu_seconds",
    "train_wall_seconds",
)


def append(path: Path, row: Row) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(asdict(row)))
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))


if __name__ == "__main__":
    main()
