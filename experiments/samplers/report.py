"""Writes table and figure of the searches that `run.py` has finished.

    python experiments/samplers/report.py --table nasbench201.parquet --cache CACHE \
        --out experiments/samplers
"""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import optuna
import pandas as pd
import scipy
from table import DATA_SETS, Table, table_path

from trainer.device.naming import cpu_name

EVALUATIONS = (25, 50, 60, 100, 200, 500)


def searches(cache: Path) -> Iterator[tuple[str, str, int, list[dict]]]:
    """Yield data set, sampler, workers and finished searches of every cache file, by seed."""
    for path in sorted(cache.glob("*-*-*.jsonl")):
        data_set, sampler, workers = path.stem.split("-")
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        longest: dict[int, dict] = {}
        for line in lines:
            if len(line["picks"]) >= len(longest.get(line["seed"], {"picks": []})["picks"]):
                longest[line["seed"]] = line
        yield data_set, sampler, int(workers), [longest[seed] for seed in sorted(longest)]


def rows_of(table: Table, found: list[dict]) -> Iterator[dict]:
    """Yield regret and test accuracy of the best candidates after each number of evaluations."""
    for evaluations in EVALUATIONS:
        far = [search for search in found if len(search["picks"]) >= evaluations]
        if len(far) < 2:
            continue
        picks = np.array([search["picks"][evaluations - 1] for search in far])
        regret = table.reward.max() - table.reward[picks]
        test = table.test_accuracy[picks]
        yield {
            "evaluations": evaluations,
            "seeds": len(far),
            "mean_regret": regret.mean(),
            "ci95": 1.96 * regret.std(ddof=1) / np.sqrt(len(far)),
            "median_regret": np.median(regret),
            "mean_test_accuracy": test.mean(),
            "std_test_accuracy": test.std(ddof=1),
        }


def draw(cache: Path, tables: dict[str, Table], out: Path) -> None:
    """Draw the mean regret of every sampler over the evaluations, one panel per data set."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown = sorted({(workers, data_set) for data_set, _, workers, _ in searches(cache)})
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.6 * rows), squeeze=False, layout="constrained"
    )
    axes = grid.ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    samplers = sorted({sampler for _, sampler, _, _ in searches(cache)})
    colours = {name: f"C{number}" for number, name in enumerate(samplers)}
    for data_set, sampler, workers, found in searches(cache):
        table, axis = tables[data_set], axes[shown.index((workers, data_set))]
        length = max(len(search["picks"]) for search in found)
        most = [search["picks"] for search in found if len(search["picks"]) == length]
        if len(most) < 2:
            continue
        regret = table.reward.max() - table.reward[np.array(most)]
        mean = regret.mean(axis=0)
        error = 1.96 * regret.std(axis=0, ddof=1) / np.sqrt(len(most))
        steps = np.arange(1, length + 1)
        axis.plot(steps, mean, color=colours[sampler], label=f"{sampler} ({len(most)} seeds)")
        axis.fill_between(
            steps, np.maximum(mean - error, 1e-5), mean + error, color=colours[sampler], alpha=0.2
        )
    for (workers, data_set), axis in zip(shown, axes, strict=False):
        axis.set(xscale="log", yscale="log", xlabel="distinct candidates trained", xlim=(8, 500))
        axis.set(ylim=(3e-4, 0.2), ylabel="mean regret of reward")
        axis.set_title(f"{data_set}, {workers} worker{'s' if workers > 1 else ''}")
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize=7, loc="lower left")
    figure.savefig(out / "regret.png", dpi=110, metadata={"Software": None})


def main() -> None:
    """Write results.csv, environment.json and regret.png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="parquet file; default: $NASBENCH201")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    try:
        path = table_path(args.table)
    except FileNotFoundError as error:
        parser.error(str(error))
    tables = {name: Table.load(path, name) for name in DATA_SETS}
    rows, cpu_seconds = [], {}
    for data_set, sampler, workers, found in searches(args.cache):
        run = {"data_set": data_set, "sampler": sampler, "workers": workers}
        rows += [{**run, **row} for row in rows_of(tables[data_set], found)]
        evaluated = sum(len(search["picks"]) for search in found)
        spent = sum(search["cpu_s"] for search in found)
        cpu_seconds[f"{data_set}-{sampler}-{workers}"] = {
            "searches": len(found),
            "cpu_s": round(spent, 1),
            "cpu_ms_per_evaluation": round(1e3 * spent / evaluated, 2),
            "duplicates_per_search": np.mean([search["duplicates"] for search in found]).item(),
        }
    frame = pd.DataFrame(rows)
    frame.to_csv(args.out / "results.csv", index=False, float_format="%.5f")
    environment = {
        "device": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "optuna": optuna.__version__,
        "best_reward": {name: float(table.reward.max()) for name, table in tables.items()},
        "searches": cpu_seconds,
    }
    text = json.dumps(environment, indent=2) + "\n"
    (args.out / "environment.json").write_text(text, encoding="utf-8")
    draw(args.cache, tables, args.out)
    print(frame.to_string(index=False, float_format=lambda value: f"{value:.4f}"))


if __name__ == "__main__":
    main()
