"""Does a signal end nas-search with one line and 128 + its number at any moment?

Starts nas-search as its installed script does, sends SIGINT (Ctrl-C) to its process group after a
random time, as a terminal does, or SIGTERM to the process alone, as ``kill`` and batch systems do,
and checks the exit code and the output.

    python experiments/kills/interrupt_search.py --out experiments/kills
    python experiments/kills/interrupt_search.py --signal SIGTERM --out experiments/kills
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


def interrupt(arguments: list[str], number: signal.Signals, after_s: float) -> dict[str, object]:
    """Send a signal to one search after `after_s` seconds and return how it ended."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after_s)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    sent = time.monotonic()
    said, complained = process.communicate(timeout=300)
    lines = complained.splitlines()
    by = "" if number == signal.SIGINT else f" by {number.name}"
    ways = {
        "one line on stderr": lines == [f"nas-search: stopped{by}"],
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
    parser.add_argument("--signal", choices=("SIGINT", "SIGTERM"), default="SIGINT")
    parser.add_argument("--executor", default="actors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rng, moments = random.Random(args.seed), []
    number = signal.Signals[args.signal]
    # A shell without job control ignores SIGINT in background commands, which inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for attempt in range(args.times):
        folder = tempfile.mkdtemp()  # a new run each time, so that every step can be interrupted
        arguments = [*QUICK, "--budget", "50", "--workers", "1", "--executor", args.executor]
        after_s = rng.uniform(0.2, args.longest)
        arguments += ["--out", folder, "--name", str(attempt)]
        moments.append(interrupt(arguments, number, after_s))
        print(json.dumps(moments[-1]), flush=True)
        shutil.rmtree(folder)
    clean = sum(
        moment["exit"] == 128 + number and isinstance(moment["said"], str) for moment in moments
    )
    summary = {"signal": number.name, "times": len(moments), "clean": clean, "moments": moments}
    text = json.dumps(summary, indent=2) + "\n"
    name = "interrupts" if number == signal.SIGINT else "terminations"
    (args.out / f"{name}.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
