"""Is anything lost or repeated when a search and its workers are killed repeatedly?

Starts nas-search and sends SIGKILL at random moments, to its driver (which is then started
again) or to one of its workers. After each kill the run's folder must be complete. At the end
every candidate that had finished must be there once and unchanged, and no network may have been
trained twice.

    python experiments/kills/kill_search.py --out experiments/kills
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
from collections import Counter
from pathlib import Path

from run_folder_check import require_whole

from nas.candidate import State
from nas.engine.events import Asked, Told
from nas.engine.ledger import read_ledger
from nas.engine.search_state import SearchState

COMMAND = [sys.executable, "-c", "import sys; from nas.cli import main; sys.exit(main())"]
QUICK = ["--data", "digits", "--epochs", "1", "--max-images", "300", "--precision", "fp32"]
# Short timings: the measured times are not used.
TIMING = "proxy: {timing: {warmup_steps: 1, blocks: 3, block_seconds: 0.01, max_attempts: 1}}\n"
ANYWHERE = 0.25  # share of the driver's kills that may come before its first candidate
LONGEST_START_S, LONGEST_WORK_S = 12.0, 2.0
MOST_TOLD = 4  # most candidates that may finish between two kills


class Killer:
    """A search that is killed and restarted, and the results on disk at each kill."""

    def __init__(self, arguments: list[str], run: Path, seed: int) -> None:
        self._arguments, self._run, self._rng = arguments, run, random.Random(seed)
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: dict[str, str] = {}
        self.kills: list[dict[str, object]] = []

    def kill_once(self) -> bool:
        """Kill a driver or a worker at a random moment; return whether the search is running."""
        target = self._rng.choice(("driver", "worker"))
        fresh = self._process is None
        process = self._process = self._process or self._start()
        started = time.monotonic()
        if fresh and target == "driver" and self._rng.random() < ANYWHERE:
            self._sleep(self._rng.uniform(0.0, LONGEST_START_S))
        else:
            enough = self._told() + self._rng.randint(0, MOST_TOLD)
            while process.poll() is None and not (self._workers() and self._told() >= enough):
                time.sleep(0.1)
            self._sleep(self._rng.uniform(0.0, LONGEST_WORK_S))
        victims = self._workers() if target == "worker" else []
        victim = self._rng.choice(victims) if victims else process.pid
        if process.poll() is not None:
            return False
        os.kill(victim, signal.SIGKILL)
        if victim == process.pid:
            process.wait()
            self._process = None
        self._note("worker" if victims else "driver", time.monotonic() - started)
        return True

    def finish(self) -> int:
        """Wait until the search ends and return its exit code."""
        process = self._process or self._start()
        code = process.wait()
        self._look()
        return code

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*COMMAND, *self._arguments],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            # A separate timing gate, so that other searches on this machine do not pause this one.
            env={**os.environ, "TMPDIR": str(self._run.parent)},
        )

    def _sleep(self, seconds: float) -> None:
        """Wait for `seconds`, or until the search ends."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process and self._process.poll() is None:
            time.sleep(0.02)

    def _workers(self) -> list[int]:
        """Return the worker processes of the driver that evaluate a candidate."""
        return [
            pid
            for pid in descendants(self._process.pid if self._process else 0)
            if "Worker.evaluate" in (title := command_of(pid))
            or ("Trainable" in title and "train" in title)
        ]

    def _look(self) -> int:
        """Require a complete folder with all earlier results; return the number of results."""
        require_whole(self._run)
        results = sorted((self._run / "results").glob("*.json"))
        now = {path.name: path.read_text() for path in results}
        changed = [name for name, text in self._seen.items() if now.get(name) != text]
        assert not changed, f"results changed or disappeared: {changed}"
        self._seen |= now
        return len(now)

    def _note(self, who: str, seconds: float) -> None:
        self._look()
        kill: dict[str, object] = {"killed": who, "after_s": round(seconds, 2)}
        kill |= {"told": self._told(), "results_on_disk": len(self._seen)}
        self.kills.append(kill)
        print(json.dumps(kill), flush=True)

    def _told(self) -> int:
        ledger = self._run / "ledger.jsonl"
        if not ledger.exists() or b"\n" not in ledger.read_bytes():
            return 0  # killed before its first line
        return sum(isinstance(event, Told) for event in read_ledger(ledger).events)


def command_of(pid: int) -> str:
    """Return a process's command line, or an empty string if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Return the descendants of process `pid`, children before grandchildren."""
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in listing.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def main() -> None:
    """Kill and resume one search, then check that nothing was lost or repeated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--executor", default="actors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    run = folder / "run"
    (folder / "search.yaml").write_text(TIMING)
    arguments = [
        *QUICK,
        "--config",
        str(folder / "search.yaml"),
        "--budget",
        str(args.budget),
        "--executor",
        args.executor,
    ]
    arguments += ["--workers", "2", "--out", str(folder), "--name", "run"]
    killer, started = Killer(arguments, run, args.seed), time.time()
    while len(killer.kills) < args.kills and killer.kill_once():
        pass
    assert killer.finish() == 0
    events = read_ledger(run / "ledger.jsonl").events
    told = Counter(event.number for event in events if isinstance(event, Told))
    keys = Counter(event.key for event in events if isinstance(event, Asked))
    state = SearchState(events)
    summary = {
        "executor": args.executor,
        "kills": dict(Counter(str(kill["killed"]) for kill in killer.kills)),
        "candidates": len(told),
        "complete": sum(record.outcome.state is State.COMPLETE for record in state.records),
        "deaths_of_workers_in_the_ledger": state.counts.deaths,
        "told_more_than_once": sum(count > 1 for count in told.values()),
        "networks_asked_more_than_once": sum(count > 1 for count in keys.values()),
        "finished_before_a_kill_and_lost_or_changed": 0,  # else `Killer` has raised
        "kills_after_which_the_folder_was_not_whole": 0,  # likewise
        "drafts_left_by_killed_writers": len(list(run.rglob(".*.tmp"))),
        "seconds": round(time.time() - started),
        "moments": killer.kills,
    }
    shutil.rmtree(folder)
    text = json.dumps(summary, indent=2) + "\n"
    (args.out / f"{args.executor}.json").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
