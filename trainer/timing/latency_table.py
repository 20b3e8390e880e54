"""Latencies as people read them, and as columns of a table."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from search_space.counted import counted
from trainer.timing.inference_latency import InferenceLatency


def latency_table(title: str, latencies: Sequence[InferenceLatency]) -> Table:
    """Return one row per latency; the names are short enough for 80 columns."""
    table = Table(title=title)
    table.add_column("network")
    for name in ("batch", "size", "p50", "p95", "CPU time", "images/s", "spread"):
        table.add_column(name, justify="right")
    for one in latencies:
        table.add_row(
            one.form,
            f"{one.batch_size}",
            f"{one.image_size} px",
            _milliseconds(one.p50_s),
            _milliseconds(one.p95_s),
            "-" if one.cpu_s is None else _milliseconds(one.cpu_s),
            f"{one.samples_per_sec:.1f}",
            f"{one.spread:.1%}",
        )
    return table


def latency_notes(latencies: Sequence[InferenceLatency]) -> list[str]:
    """Return lines with the conditions of latencies that were measured together."""
    first = latencies[0]
    precisions = dict.fromkeys(one.precision for one in latencies)
    runtimes = dict.fromkeys(one.runtime for one in latencies)
    attempts = max(one.attempts for one in latencies)
    threads = counted(first.threads, "thread")
    calls = f"{min(one.repeats for one in latencies)} or more calls"
    lines = [
        f"{first.device}, {threads}, {', '.join(precisions)}, {', '.join(runtimes)}",
        f"wall time until the outputs are in the host's memory; {calls}, attempt {attempts}",
    ]
    if any(one.wide_spread for one in latencies):
        lines.append("The spread stayed wide: measure again when other programs are idle.")
    if any(one.contaminated for one in latencies):
        lines.append("The machine was busy: other programs took part of the wall time.")
        if all(one.cpu_s is not None for one in latencies):
            lines.append("The CPU time is nearer to the latency of an idle machine.")
    return lines


def latency_columns(latencies: Sequence[InferenceLatency]) -> dict[str, Any]:
    """Return latencies of one network as one row of a table.

    The names are ``latency_FORM_NUMBER_VALUE``: FORM is eager or exported, NUMBER is one for one
    image and batch for more, VALUE is an attribute of `InferenceLatency`. ``latency_batch_size``
    is the number of images of the larger batch.
    """
    row: dict[str, Any] = {}
    for one in latencies:
        number = "one" if one.batch_size == 1 else "batch"
        for name in ("p50_s", "p95_s", "cpu_s", "spread", "samples_per_sec", "repeats"):
            row[f"latency_{one.form}_{number}_{name}"] = getattr(one, name)
        row[f"latency_{one.form}_precision"] = one.precision
        row[f"latency_{one.form}_runtime"] = one.runtime
    first = latencies[0]
    row["latency_batch_size"] = max(one.batch_size for one in latencies)
    row["latency_threads"], row["latency_clock"] = first.threads, first.clock
    # With several threads the networks were measured one after the other.
    row["latency_attempts"] = max(one.attempts for one in latencies)
    for name in ("contaminated", "wide_spread"):
        row[f"latency_{name}"] = any(getattr(one, name) for one in latencies)
    return row


def _milliseconds(seconds: float) -> str:
    milliseconds = seconds * 1e3
    decimals = 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:,.{decimals}f} ms"
