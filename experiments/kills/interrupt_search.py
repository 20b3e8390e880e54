"""Does Ctrl-C end nas-search with one line and code 130 at any moment?

Starts nas-search as its installed script does, sends SIGINT to its process group after a random
time, as a terminal does, and checks the exit code and the output.

    python experiments/kills/interrupt_search.py --out experiments/kills
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = [sys.executable, "-c", "import sys; from nas.commands import search; sys.exit(search())"]
QUICK = ["--data", "digits", "--epochs", "1", "--max-images", "300", "--precision", "fp32"]


def interrupt(arguments: list[str], after_s: float) -> dict[str, object]:
    """Interrupt one search after `after_s` seconds and return how it ended."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGINT)
    sent = time.monotonic()
    said, complained = process.communicate(timeout=300)
    lines = complained.splitlines()
    ways = {
        "one line on stderr": lines == ["nas-search: stopped"],
        "stopped by its loop": not lines and "nothing that finished is lost" in said,
    }
    return {
        "after_s": round(after_s, 2),
        "exit": process.returncode,
        "said": next((way for way, holds in ways.items() if holds), lines),
        "ended_within_s": round(time.monotonic() - sent, 1),
    }


def main() -> None:
    """Interrupt searches at random times and count how they ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument(
        "--longest",
        type=float,
        default=12.0,
        help="longest time before an interrupt, seconds (12)",
    )
    parser.add_argument("--executor", default="actors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rng, moments = random.Random(args.seed), []
    for number in range(args.times):
        folder = tempfile.mkdtemp()  # a new run each time, so that every step can be interrupted
        arguments = [*QUICK, "--budget", "50", "--workers", "1", "--executor", args.executor]
        after_s = rng.uniform(0.2, args.longest)
        moments.append(interrupt([*arguments, "--out", folder, "--name", str(number)], after_s))
        print(json.dumps(moments[-1]), flush=True)
        shutil.rmtree(folder)
    clean = sum(moment["exit"] == 130 and isinstance(moment["said"], str) for moment in moments)
    summary = {"interrupts": len(moments), "clean": clean, "moments": moments}
    text = json.dumps(summary, indent=2) + "\n"
    (args.out / "interrupts.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
