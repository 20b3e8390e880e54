"""Draw accuracy against training time: `python figure.py results.csv progressive.png`."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

ARMS = {
    "fixed": ("fixed 160 px", "tab:gray", "o"),
    "same": ("64 to 160 px, same regularisation", "tab:blue", "o"),
    "adaptive": ("64 to 160 px, adaptive", "tab:orange", "o"),
    "same-equal-time": ("same regularisation, more epochs", "tab:blue", "^"),
    "adaptive-equal-time": ("adaptive, more epochs", "tab:orange", "^"),
}


def main() -> None:
    rows = pd.read_csv(sys.argv[1])
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for arm, (label, colour, marker) in ARMS.items():
        mine = rows[rows.arm == arm]
        if mine.empty:
            continue
        axes.errorbar(
            mine.train_cpu_seconds.mean(),
            100 * mine.top1_ema.mean(),
            yerr=100 * mine.top1_ema.std(),
            color=colour,
            capsize=4,
            linewidth=1,
        )
        axes.plot(
            mine.train_cpu_seconds,
            100 * mine.top1_ema,
            marker,
            color=colour,
            alpha=0.5,
            markersize=5,
            markeredgewidth=0,
        )
        axes.plot(
            mine.train_cpu_seconds.mean(),
            100 * mine.top1_ema.mean(),
            marker,
            color=colour,
            markersize=10,
            label=f"{label} ({mine.epochs.mean():.0f} epochs)",
        )
    axes.set_xlabel("training steps, CPU seconds")
    axes.set_ylabel("top-1 of the averaged weights, %")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title(
        "Imagenette subset; small marks are seeds, bars one standard deviation", fontsize=10
    )
    figure.savefig(Path(sys.argv[2]), dpi=150)


if __name__ == "__main__":
    main()
