"""What a model card says about a model: from model.pt, and from the folder of its training."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_space.command_line.terminal import one_line
from search_space.published import published, published_names
from search_space.text_files import parse_json, parse_yaml, read_text
from trainer.export.search_ledger import LEDGER, ledger_facts
from trainer.model_file import ModelFile, Weights

SPLITS = ("test", "validation", "holdout", "train")  # as the files of nas-evaluate are named
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Facts of a model card; what was not recorded is empty.

    Attributes:
        training: The content of the training's summary.json.
        final: top1, top5 and loss of the exported weights at the end of the training.
        evaluations: The contents of ``evaluation/SPLIT.json`` that are of these weights.
        recipe: The recipe in the training's config.yaml.
        command: The command of the training, without the folders of absolute paths.
        origin: Where the architecture comes from: rows of a name and a value.
    """

    training: Mapping[str, Any]
    final: Mapping[str, float]
    evaluations: tuple[Mapping[str, Any], ...]
    recipe: Mapping[str, Any]
    command: str
    origin: tuple[tuple[str, str], ...]


def card_facts(model: ModelFile, run: Path | None, weights: Weights = "ema") -> CardFacts:
    """Return the facts about a model.

    Args:
        model: The model.
        run: Folder of its training, or None. Files that are missing or damaged there are left
            out: a card must not prevent an export.
        weights: Which weights were exported.
    """
    recorded = model.training or _mapping(run, "summary.json")
    environment = _mapping(run, "environment.json")
    contents = [_mapping(run, f"evaluation/{split}.json") for split in SPLITS]
    words = environment.get("command")
    provenance = recorded.get("provenance")
    if not isinstance(provenance, Mapping):
        provenance = {}
    return CardFacts(
        training=recorded,
        final=_final(recorded, weights),
        evaluations=tuple(
            content
            for content in contents
            if content.get("key") == model.architecture.key
            and content.get("weights") == weights
            and _has_sizes(content)
        ),
        recipe=_submapping(_mapping(run, "config.yaml"), "recipe"),
        command=command_line(map(str, words)) if isinstance(words, list) else "",
        origin=tuple(_origin(model, provenance, run)),
    )


def _final(training: Mapping[str, Any], weights: Weights) -> dict[str, float]:
    """Return top1, top5 and loss at the end of the training, of the exported weights.

    A recipe without an average of the weights has no separate values for it.
    """
    last = _submapping(training, "final")
    prefix = "ema_" if weights == "ema" and "ema_top1" in last else ""
    found = {name: last.get(prefix + name) for name in ("top1", "top5", "loss")}
    return {name: value for name, value in found.items() if isinstance(value, float)}


def _has_sizes(evaluation: Mapping[str, Any]) -> bool:
    sizes = evaluation.get("sizes")
    return isinstance(sizes, list) and bool(sizes) and all(isinstance(one, dict) for one in sizes)


def command_line(words: Iterable[str]) -> str:
    """Return the words of a command in one line.

    Of absolute paths only the name is shown: a card is published, and folders tell about the
    machine and the user.
    """
    return one_line(shlex.join(_without_folder(word) for word in words))


def _without_folder(word: str) -> str:
    flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return flag + equals + (Path(value).name if Path(value).is_absolute() else value)


def _origin(
    model: ModelFile, provenance: Mapping[str, Any], run: Path | None
) -> Iterable[tuple[str, str]]:
    """Yield the steps that led to the architecture, the first step first."""
    source = _submapping(provenance, "source")
    if provenance.get("command") == "nas-scale":
        yield from _origin(model, _submapping(source, "provenance"), run)
        yield "scaled from", f"{source.get('name', '')} ({source.get('key', '')})"
        yield "scaling rule", str(provenance.get("rule", ""))
    elif provenance.get("command") == "nas-search":
        yield from _search(provenance, run)
    elif "published" in provenance:
        yield "published network", str(provenance["published"])
        yield "source", str(provenance.get("source", ""))
    elif not provenance:
        for name in published_names():
            if published(name).architecture == model.architecture:
                yield "published network", name
                yield "source", published(name).source


def _search(provenance: Mapping[str, Any], run: Path | None) -> Iterable[tuple[str, str]]:
    settings = _submapping(provenance, "settings")
    finalist = _submapping(provenance, "finalist")
    yield "found by", "nas-search"
    folder = _search_folder(run, provenance)
    words = _mapping(folder, "environment.json").get("command")
    if isinstance(words, list):
        yield "command", command_line(map(str, words))
    for name, label in (("data", "data"), ("sampler", "sampler"), ("seed", "seed")):
        if name in settings:
            value = settings[name]
            yield label, _without_folder(value) if isinstance(value, str) else str(value)
    yield "space", str(provenance.get("space", ""))
    if {"w", "v"} <= settings.keys():
        yield "reward", f"accuracy x step time^{settings['w']} x parameters^{settings['v']}"
    yield "candidate", str(provenance.get("candidate", ""))
    if finalist:
        seeds = ", ".join(map(str, finalist.get("seeds", ())))
        yield "further trainings of the winner", f"{finalist.get('trainings')} (seeds {seeds})"
    ledger = _submapping(provenance, "ledger") or (folder and ledger_facts(folder)) or {}
    if "candidates" in ledger:
        yield "candidates with an outcome", str(ledger["candidates"])
    if "sha256" in ledger:
        yield "SHA-256 of the ledger", str(ledger["sha256"])


def _search_folder(run: Path | None, provenance: Mapping[str, Any]) -> Path | None:
    """Return the search's folder if it is next to the training's; None otherwise."""
    name = provenance.get("run")
    if run is None or not isinstance(name, str) or Path(name).name != name:
        return None
    folder = run.absolute().parent / name
    return folder if (folder / LEDGER).is_file() else None


def _mapping(folder: Path | None, name: str) -> Mapping[str, Any]:
    """Return the content of a JSON or YAML file; empty if it cannot be read as a mapping."""
    if folder is None:
        return {}
    parse = parse_yaml if name.endswith(".yaml") else parse_json
    try:
        content = parse(read_text(folder / name, max_bytes=MAX_BYTES))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _submapping(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = values.get(name)
    return inner if isinstance(inner, Mapping) else {}
