"""Collects the results of `compare` in small files without host names, and draws them.

python -m experiments.fidelity.collect --runs runs/fidelity --out experiments/fidelity
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from experiments.fidelity.compare import FIDELITIES, summarise
from experiments.fidelity.task import run_folder

INK, COLOURS = "#22303c", {0: "#c9d1d9", 1: "#2f6690", 2: "#d1495b"}
COLUMNS = (
    "number",
    "key",
    "state",
    "reward",
    "accuracy",
    "relative_step_time",
    "relative_params",
    "timing_spread",
    "timing_contaminated",
    "rung",
    "device_seconds_timing",
    "device_seconds_rung0",
    "device_seconds_rung1",
    "device_seconds_rung2",
    "device_seconds",
)


def trials_of(runs: Path, fidelity: str, seed: int) -> pd.DataFrame:
    table = pd.read_csv(run_folder(runs, fidelity, seed) / "trials.csv")
    table = table.reindex(columns=list(COLUMNS))
    return table.assign(fidelity=fidelity, seed=seed)


def draw(trials: pd.DataFrame, path: Path) -> None:
    """Draw the candidates of every search by accuracy and relative step time."""
    seeds = sorted(trials["seed"].unique())
    figure = Figure(figsize=(4 * max(len(seeds), 2), 3.4), layout="constrained", dpi=150)
    axes = figure.subplots(1, len(seeds), sharey=True, squeeze=False)[0]
    for one, seed in zip(axes, seeds, strict=True):
        of_seed = trials[trials["seed"] == seed]
        full = of_seed[of_seed["fidelity"] == "full"]
        one.scatter(full["device_seconds"], 100 * full["accuracy"], marker="s", c=INK)
        rungs = of_seed[of_seed["fidelity"] == "progressive"]
        for rung, members in rungs.groupby("rung"):
            x, y = members["device_seconds"], 100 * members["accuracy"]
            one.scatter(
                x, y, c=COLOURS[int(rung)], edgecolors=INK, label=f"stopped at rung {rung:g}"
            )
        one.scatter([], [], marker="s", c=INK, label="full")
        one.set_title(f"seed {seed}", fontsize=9, color=INK)
        one.set_xlabel("device-seconds of the candidate")
        one.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("held-out accuracy, %")
    axes[-1].legend(frameon=False, fontsize=8)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found = [
        int(path.parent.name.removeprefix("progressive-"))
        for path in args.runs.glob("progressive-*/longer.json")
    ]
    seeds = sorted(found)
    trials = pd.concat([trials_of(args.runs, f, seed) for seed in seeds for f in FIDELITIES])
    trials.round(6).to_csv(args.out / "trials.csv", index=False)
    summary = summarise(args.runs, seeds)
    (args.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    draw(trials, args.out / "fidelity.png")


if __name__ == "__main__":
    main()
