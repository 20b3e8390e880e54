"""Is anything lost or repeated when a search is killed again and again?

Starts nas-search, kills its driver with SIGKILL at random moments, resumes it, and in the end
compares with what was on disk at each kill: every candidate that had finished must be there
once, unchanged, and no network may have been trained twice.

    python experiments/kills/kill_search.py --out experiments/kills
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from nas.ledger import read_ledger

COMMAND = [sys.executable, "-c", "import sys; from nas.cli import main; sys.exit(main())"]


def finished_on_disk(run: Path) -> dict[str, str]:
    """Return the results that are on disk, by file name."""
    return {path.name: path.read_text() for path in sorted((run / "results").glob("*.json"))}


def search(arguments: list[str], kill_after_s: float | None) -> int:
    """Run nas-search; kill its driver after so many seconds, unless it has ended."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait()


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--budget", type=int, default=30)
    parser.add_argument("--executor", default="actors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    folder = Path(tempfile.mkdtemp())
    run = folder / "run"
    quick = ["--data", "digits", "--epochs", "2", "--max-images", "500", "--precision", "fp32"]
    arguments = [*quick, "--budget", str(args.budget), "--executor", args.executor]
    arguments += ["--out", str(folder), "--name", "run"]
    seen: dict[str, str] = {}
    kills, started = [], time.time()
    while len(kills) < args.kills:
        moment = rng.uniform(4, 22)  # from before Ray is up to many candidates later
        code = search(arguments, moment)
        now = finished_on_disk(run)
        changed = [name for name, text in seen.items() if now.get(name) != text]
        assert not changed, f"results changed or vanished: {changed}"
        seen |= now
        kills.append({"after_s": round(moment, 2), "exit": code, "results_on_disk": len(now)})
        print(json.dumps(kills[-1]), flush=True)
        if code == 0:
            break
    assert search(arguments, None) == 0
    final = finished_on_disk(run)
    events = read_ledger(run / "ledger.jsonl").events
    told = Counter(event["number"] for event in events if event["event"] == "told")
    keys = Counter(event["key"] for event in events if event["event"] == "asked")
    summary = {
        "executor": args.executor,
        "kills": sum(kill["exit"] == -signal.SIGKILL for kill in kills),
        "candidates": len(told),
        "told_more_than_once": sum(count > 1 for count in told.values()),
        "networks_asked_more_than_once": sum(count > 1 for count in keys.values()),
        "finished_before_a_kill_and_lost": sum(final.get(name) != seen[name] for name in seen),
        "seconds": round(time.time() - started),
        "moments": kills,
    }
    shutil.rmtree(folder)
    text = json.dumps(summary, indent=2) + "\n"
    (args.out / f"{args.executor}.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
