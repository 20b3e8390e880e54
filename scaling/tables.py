"""The scaled networks on the console, beside their source."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from rich.table import Table

from scaling.source import ScaledNetwork
from search_space.architecture import Architecture, Stage


def stages_table(title: str, before: Architecture, after: Architecture) -> Table:
    """One row for stem, each stage and head: what it is, and its width and layers."""
    table = Table("stage", "block", "kernel", "expand", "stride", title=title)
    table.add_column("width", justify="right")
    table.add_column("layers", justify="right")
    table.add_row("stem", "conv", "3", "", "2", _arrow(before.stem_width, after.stem_width), "1")
    pairs = zip_longest(before.stages, after.stages)
    for number, (old, new) in enumerate(pairs, start=1):
        table.add_row(f"stage{number}", *_stage_cells(old, new))
    table.add_row("head", "conv", "1", "", "1", _arrow(before.head_width, after.head_width), "1")
    return table


def costs_table(source: Mapping[str, Any], target: Mapping[str, Any]) -> Table:
    """Sizes and costs before and after."""
    table = Table("", source["name"], target["name"], title="cost")
    for (label, before), (_, after) in zip(_cost_cells(source), _cost_cells(target), strict=True):
        table.add_row(label, before, after)
    return table


def family_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One row a network: widths over layers, stage by stage, and the costs."""
    table = Table("", title="family")
    table.add_column("widths, layers", no_wrap=True)
    cells = [_short_cells(record) for record in records]
    for label in cells[0]:
        table.add_column(label, justify="right")
    for record, short in zip(records, cells, strict=True):
        stages = record["architecture"]["stages"]
        lines = (" ".join(str(stage[field]) for stage in stages) for field in ("width", "depth"))
        table.add_row(str(record["name"]).rpartition("-")[2], "\n".join(lines), *short.values())
    return table


def _stage_cells(old: Stage | None, new: Stage | None) -> tuple[str, ...]:
    kept = new or old
    assert kept is not None  # zip_longest pairs nothing with nothing
    return (
        str(kept.block),
        str(kept.kernel_size),
        str(kept.expand_ratio),
        str(kept.stride),
        _arrow(old.width if old else None, new.width if new else None),
        _arrow(old.depth if old else None, new.depth if new else None),
    )


def _arrow(before: int | None, after: int | None) -> str:
    before_text, after_text = ("-" if value is None else str(value) for value in (before, after))
    return f"{before_text} -> {after_text}"


def _cost_cells(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    sizes = record["image_size"]
    cells = [
        ("train / eval size", f"{sizes['train']} / {sizes['eval']}"),
        ("params", f"{record['num_params'] / 1e6:,.2f} M"),
        ("macs at eval size", f"{record['macs'] / 1e9:,.3f} G"),
        ("memory / image", f"{record['training_bytes_per_image'] / 2**20:,.1f} MiB"),
    ]
    if "measured" in record:
        cells.append(("step time", f"{record['measured']['step_time_s'] * 1e3:,.1f} ms"))
    if "training_hours" in record:
        cells.append(("training time", f"{record['training_hours']:,.2f} h"))
    return cells


def _short_cells(record: Mapping[str, Any]) -> dict[str, str]:
    """The costs with their units in the headings, so that seven columns fit a console."""
    sizes = record["image_size"]
    cells = {
        "train/ eval": f"{sizes['train']}/{sizes['eval']}",
        "params, M": f"{record['num_params'] / 1e6:.2f}",
        "macs, G": f"{record['macs'] / 1e9:.3f}",
        "MiB per image": f"{record['training_bytes_per_image'] / 2**20:.1f}",
    }
    if "measured" in record:
        cells["step, ms"] = f"{record['measured']['step_time_s'] * 1e3:.1f}"
    if "training_hours" in record:
        cells["hours"] = f"{record['training_hours']:.2f}"
    return cells


def explanation(network: ScaledNetwork) -> str:
    """Which rule made `network`, and with which numbers."""
    used = network.constants
    words = _family(network) if network.rule == "family" else _compound(network)
    stem = "scaled with the width" if used["stem_and_head_scaled"] else "as they were"
    cap = f"images {network.train_size} / {network.eval_size}, cap {used['max_image_size']}"
    return "; ".join([*words, f"stem and head {stem}", cap])


def _family(network: ScaledNetwork) -> list[str]:
    used = network.constants
    came, target, extra = used["counts_as"], used["target"], used["extra_base_layers"]
    if came == target:
        return [f"{target}: it counts as {came} already"]
    words = [
        f"{came} to {target}: layers {used['depth']['from']} to {used['depth']['to']} "
        f"and channels {used['width']['from']} to {used['width']['to']} times the base's"
    ]
    if extra:
        words.append(f"{abs(extra)} base layer {'more' if extra > 0 else 'less'} at the back")
    if used["new_last_stage"]:
        words.append("a new last stage of stride 1")
    return words


def _compound(network: ScaledNetwork) -> list[str]:
    used = network.constants
    words = [
        f"layers x {used['depth']:.3g}, channels x {used['width']:.3g}, "
        f"image side x {used['image_size']:.3g}"
    ]
    if "phi" in used:
        rates = ", ".join(f"{name} {used[name]:g}" for name in ("alpha", "beta", "gamma"))
        words.insert(0, f"phi {used['phi']:.3f} ({rates})")
    if "ahead" in used:
        steps = ", ".join(used["ahead"]["steps"])
        words.append(f"{steps} already at phi {used['ahead']['phi']:.3f}")
    return words
