"""Recovery of damaged files of a run: a ledger's line from a result file, results by training.

A line about an outcome says what the result file of the candidate says too. If such a line is
damaged, it is made again from the file, and the ledger is replaced. The damaged ledger is kept.
"""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from nas.candidate import Candidate, Outcome
from nas.dispatch.result_files import ResultFiles
from nas.engine.events import Event, Promoted, Proposed, RungTold, Told, event_from_dict
from nas.engine.job import Job
from nas.engine.ledger import LEDGER
from nas.engine.ledger_lines import Line, line_text, sealed_line, split_lines
from nas.engine.search_state import SearchState
from nas.run_folder.opening import RESULTS
from search_space.atomic_file import write_atomic
from search_space.checksum import split_seal

_TIME = re.compile(rb',"time":(\d{9,11}(?:\.\d{1,3})?)[,}]')


def recover_ledger(folder: Path) -> list[str]:
    """Make damaged lines of the run's ledger again from its result files, where that is possible.

    Nothing is changed if a damaged line remains, or if a search has the ledger open; the
    opening of the ledger then reports it.

    Returns:
        One sentence for each recovered line; none if the folder has no ledger.

    Raises:
        OSError: If a file cannot be read or written.
    """
    path = folder / LEDGER
    with suppress(FileNotFoundError):
        before = path.read_bytes()
        lines = split_lines(before)
        if not any(line.fault for line in lines) or not lines or lines[0].fault:
            return []
        run_id = str(lines[0].data.get("run_id", ""))
        recovered = _recovered(lines, ResultFiles(folder=folder / RESULTS, run_id=run_id))
        if recovered is None or not _replace(path, before, lines, recovered):
            return []
        return [
            f"note: line {number} of {path} was damaged; the outcome of candidate "
            f"{event.of if isinstance(event, RungTold) else event.number} was read from "
            f"{RESULTS}/, and the damaged ledger was kept as {_copy_of(path).name}"
            for number, event in recovered.items()
        ]
    return []


def _recovered(lines: list[Line], results: ResultFiles) -> dict[int, Told | RungTold] | None:
    """Return the event of each damaged line by its number, or None if one is not known."""
    state, promoted, trials, time = SearchState(), dict[int, int](), 0, 0.0
    found: dict[int, Told | RungTold] = {}
    try:
        for line in lines[1:]:
            if line.fault:
                jobs = _possible(state, promoted, trials, results, _time_in(line) or time)
                matching = [event for event in jobs if _matches(line, event)]
                if len(matching) != 1:
                    return None
                event: Event = matching[0]
                found[line.number] = matching[0]
            else:
                event = event_from_dict(line.data)
            trials += isinstance(event, Proposed | RungTold)
            if isinstance(event, Promoted):
                promoted[event.number] = event.rung
            if isinstance(event, RungTold):
                promoted.pop(event.of, None)
            state.apply(event)
            time = event.time or time
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return found


def _possible(
    state: SearchState,
    promoted: dict[int, int],
    trials: int,
    results: ResultFiles,
    time: float,
) -> Iterator[Told | RungTold]:
    """Yield the outcomes of the jobs in flight that have an intact result file."""
    for number, candidate in state.pending.items():
        for rungs in (1, 2):  # with several rungs, the files have other names
            if outcome := _outcome(results, candidate, 0, rungs):
                yield Told(number=number, outcome=outcome, time=time)
    for number, rung in promoted.items():
        record = state.record_of(number)
        if outcome := _outcome(results, record.candidate, rung, rung + 1):
            metrics = record.outcome.metrics.updated(outcome.metrics)
            yield RungTold(
                number=trials,
                of=number,
                rung=rung,
                choices=record.candidate.choices,
                outcome=replace(outcome, metrics=metrics),
                time=time,
            )


def _outcome(results: ResultFiles, candidate: Candidate, rung: int, rungs: int) -> Outcome | None:
    job = Job(**Candidate.to_dict(candidate), rung=rung, num_rungs=rungs)
    with suppress(ValueError):  # a damaged result file says nothing
        if outcome := results.find(job):
            return replace(outcome, traceback="")
    return None


def _matches(line: Line, event: Told | RungTold) -> bool:
    """Return whether a damaged line is that of `event`: by its beginning, or by its checksum."""
    text = line_text(event.to_dict())
    last = ',"choices":' if isinstance(event, RungTold) else ',"outcome":'
    beginning = text[: text.index(last)].encode()  # the kind of event, and the numbers
    _, seal = split_seal(line.raw)
    again = split_seal(sealed_line(text, line.number).encode())[1]
    return line.raw.startswith(beginning + b",") or (bool(seal) and seal == again)


def _time_in(line: Line) -> float:
    times = _TIME.findall(line.raw)
    return float(times[-1]) if times else 0.0


def _copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _repaired(lines: list[Line], recovered: dict[int, Told | RungTold]) -> str:
    """Return the ledger with the recovered lines; those before the first checksum have none."""
    text, has_seals = "", False
    for line in lines:
        has_seals = has_seals or bool(split_seal(line.raw)[1])
        if line.number not in recovered:
            text += line.raw.decode() + "\n"
            continue
        again = line_text(recovered[line.number].to_dict())
        text += sealed_line(again, line.number) if has_seals else again + "\n"
    return text


def _replace(
    path: Path, before: bytes, lines: list[Line], recovered: dict[int, Told | RungTold]
) -> bool:
    """Write the ledger with the recovered lines; return whether no search had it open."""
    lock = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_atomic(_copy_of(path), before)
        write_atomic(path, _repaired(lines, recovered))
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            return False
        raise
    finally:
        os.close(lock)
    return True
