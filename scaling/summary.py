"""Costs of scaled networks: as records for JSON, as tables, and in architecture files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.table import Table

from scaling.source import ScaledNetwork
from search_space.architecture import Architecture, Stage
from search_space.architecture_file import ArchitectureFile
from search_space.command_line.next_commands import next_lines
from search_space.cost import count_macs, count_params, training_memory_bytes

# Label in `costs_table`, heading in `family_table`, key of the record, divisor, digits, unit.
# The headings contain the units, so that seven columns fit a console.
_COSTS = (
    ("params", "params, M", "num_params", 1e6, 2, "M"),
    ("macs at eval size", "macs, G", "macs", 1e9, 3, "G"),
    ("memory / image", "MiB per image", "training_bytes_per_image", 2**20, 1, "MiB"),
    ("step time", "step, ms", "step_time_s", 1e-3, 1, "ms"),
    ("training time", "hours", "training_hours", 1, 2, "h"),
)


def costs(file: ArchitectureFile, num_classes: int) -> dict[str, int]:
    """Return parameters, multiply-adds at the evaluation size, and training bytes per image.

    The bytes are what one more image of the training size in a float32 batch keeps for the
    backward pass.
    """
    one, two = (
        training_memory_bytes(file.architecture, file.train_size, batch, num_classes=num_classes)
        for batch in (1, 2)
    )
    return {
        "num_params": count_params(file.architecture, num_classes),
        "macs": count_macs(file.architecture, file.eval_size, num_classes),
        "training_bytes_per_image": two - one,
    }


def scaled_file(
    source: ArchitectureFile, name: str, network: ScaledNetwork, num_classes: int
) -> ArchitectureFile:
    """Return the architecture file of a scaled network, with its costs and provenance."""
    file = ArchitectureFile(
        architecture=network.architecture,
        name=f"{source.name}-{name}",
        train_size=network.train_size,
        eval_size=network.eval_size,
        provenance={
            "command": "nas-scale",
            "source": {
                "name": source.name,
                "key": source.architecture.key,
                "image_size": {"train": source.train_size, "eval": source.eval_size},
                "provenance": source.provenance,
                **_accuracy(source),
            },
            "rule": network.rule,
            "constants": network.constants,
            "num_classes": num_classes,
        },
    )
    return replace(file, metrics=dict(costs(file, num_classes)))


def _accuracy(source: ArchitectureFile) -> dict[str, Any]:
    """Return the accuracy that a search measured for the source, if one did."""
    accuracy = source.metrics.get("accuracy")
    return {} if accuracy is None else {"accuracy": accuracy}


def record(file: ArchitectureFile, num_classes: int) -> dict[str, Any]:
    """Return everything that the command reports about one network, ready for JSON."""
    return {
        "name": file.name,
        "key": file.architecture.key,
        "image_size": {"train": file.train_size, "eval": file.eval_size},
        **costs(file, num_classes),
        "num_classes": num_classes,
        "architecture": file.architecture.to_dict(),
    }


def stages_table(title: str, before: Architecture, after: Architecture) -> Table:
    """Return a table of stem, stages and head with their widths and layers before and after."""
    table = Table("stage", "block", "kernel", "expand", "stride", title=title)
    table.add_column("width", justify="right")
    table.add_column("layers", justify="right")
    table.add_row("stem", "conv", "3", "", "2", _arrow(before.stem_width, after.stem_width), "1")
    for number, (old, new) in enumerate(zip_longest(before.stages, after.stages), start=1):
        table.add_row(f"stage{number}", *_stage_cells(old, new))
    table.add_row("head", "conv", "1", "", "1", _arrow(before.head_width, after.head_width), "1")
    return table


def costs_table(source: Mapping[str, Any], target: Mapping[str, Any]) -> Table:
    """Return a table of image sizes and costs before and after."""
    table = Table("", source["name"], target["name"], title="cost")
    cells = zip(_cost_cells(source), _cost_cells(target), strict=True)
    for (label, _, before, unit), (_, _, after, _) in cells:
        table.add_row(label, f"{before} {unit}".rstrip(), f"{after} {unit}".rstrip())
    return table


def family_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table with one row per network: widths over layers of its stages, and costs."""
    table = Table("", title="family")
    table.add_column("widths, layers", no_wrap=True)
    for _, heading, _, _ in _cost_cells(records[0]):
        table.add_column(heading, justify="right")
    for each in records:
        stages = each["architecture"]["stages"]
        lines = (" ".join(str(stage[field]) for stage in stages) for field in ("width", "depth"))
        numbers = (number for _, _, number, _ in _cost_cells(each))
        table.add_row(str(each["name"]).rpartition("-")[2], "\n".join(lines), *numbers)
    return table


def _stage_cells(old: Stage | None, new: Stage | None) -> tuple[str, ...]:
    kept = new or old
    assert kept is not None  # zip_longest gives at least one of them
    return (
        *(str(value) for value in (kept.block, kept.kernel_size, kept.expand_ratio, kept.stride)),
        _arrow(old.width if old else None, new.width if new else None),
        _arrow(old.depth if old else None, new.depth if new else None),
    )


def _arrow(before: int | None, after: int | None) -> str:
    return " -> ".join("-" if value is None else str(value) for value in (before, after))


def _cost_cells(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield label, heading, number and unit of each cost that the record has."""
    sizes = record["image_size"]
    yield "train / eval size", "train/ eval", f"{sizes['train']}/{sizes['eval']}", ""
    values = {**record.get("measured", {}), **record}
    for label, heading, key, divisor, digits, unit in _COSTS:
        if key in values:
            yield label, heading, f"{values[key] / divisor:,.{digits}f}", unit


def explanation(network: ScaledNetwork) -> str:
    """Return a sentence with the rule that produced `network` and the numbers it used."""
    used = network.constants
    words = _family(network) if network.rule == "family" else _compound(network)
    stem = "scaled with the width" if used["stem_and_head_scaled"] else "unchanged"
    cap = f"images {network.train_size} / {network.eval_size}, cap {used['max_image_size']}"
    return "; ".join([*words, f"stem and head {stem}", cap])


def _family(network: ScaledNetwork) -> list[str]:
    used = network.constants
    base_size, target, extra = used["counts_as"], used["target"], used["extra_base_layers"]
    if base_size == target:
        return [f"{target}: the source already counts as {base_size}"]
    words = [
        f"{base_size} to {target}: layers {used['depth']['from']} to {used['depth']['to']} "
        f"and channels {used['width']['from']} to {used['width']['to']} times the base's"
    ]
    if extra:
        words.append(f"{abs(extra)} base layer {'more' if extra > 0 else 'less'} near the end")
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


def conclusion(source: ArchitectureFile, path: Path) -> list[str]:
    """Return the last lines: what is known of the accuracy, and the next command.

    Args:
        source: The network that was scaled.
        path: File of the scaled network.
    """
    accuracy, lines = source.metrics.get("accuracy"), []
    if isinstance(accuracy, int | float):
        where = "further trainings" if source.provenance.get("finalist") else "search"
        lines.append(
            f"accuracy: {100 * accuracy:.2f} % for {source.name} in the {where}; the scaled "
            "network is not trained yet"
        )
    settings = source.provenance.get("settings")
    data = settings.get("data") if isinstance(settings, Mapping) else None
    images = data if isinstance(data, str) else "DIR"
    return [*lines, *next_lines(["nas-train", "--arch", path, "--data", images])]
