"""Print the table of README.md from results.csv: `python report.py results.csv`."""

import sys

import pandas as pd

rows = pd.read_csv(sys.argv[1])
seconds = rows[rows.arm == "fixed"].set_index("seed").train_cpu_seconds
rows["saved"] = 1 - rows.train_cpu_seconds / rows.seed.map(seconds)
for arm, mine in rows.groupby("arm", sort=False):
    top1, ema = 100 * mine.top1, 100 * mine.top1_ema
    print(
        f"| {arm} | {len(mine)} | {mine.epochs.mean():.0f} "
        f"| {mine.train_cpu_seconds.mean():.0f} ({mine.train_cpu_seconds.min():.0f} to "
        f"{mine.train_cpu_seconds.max():.0f}) | {100 * mine.saved.mean():.0f} % "
        f"({100 * mine.saved.min():.0f} to {100 * mine.saved.max():.0f}) "
        f"| {top1.mean():.1f} ± {top1.std():.1f} ({', '.join(f'{v:.1f}' for v in top1)}) "
        f"| {ema.mean():.1f} ± {ema.std():.1f} ({', '.join(f'{v:.1f}' for v in ema)}) |"
    )
paired = rows.pivot(index="seed", columns="arm", values="top1_ema")
for arm in paired.columns:
    if arm != "fixed":
        gain = 100 * (paired[arm] - paired["fixed"]).dropna()
        print(f"{arm} - fixed, by seed: {', '.join(f'{v:+.1f}' for v in gain)} points")
