"""Model card: a README.md as the Hugging Face hub shows it, in the folder of the exported files.

Source of the format: huggingface.co/docs/hub/model-cards and its model-index, as
`huggingface_hub.ModelCard` reads it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from search_space.architecture import Architecture
from search_space.atomic_file import write_atomic
from search_space.command_line.terminal import one_line
from search_space.cost import count_macs, count_params
from trainer.export.card_facts import CardFacts, card_facts
from trainer.export.card_usage import usage
from trainer.export.markdown import code_block, markdown_text
from trainer.export.python_text import render
from trainer.model_file import ModelFile, Weights

CARD, OTHER_CARD = "README.md", "README.nas-export.md"
MOST_NAMES = 50  # class names that are listed
_MARK = re.compile(r"<!-- nas-export ([0-9a-f]{16}) -->\n$")


def write_card(
    run: Path | None,
    model: ModelFile,
    files: Sequence[Path],
    out: Path,
    weights: Weights = "ema",
) -> Path:
    """Write the model card of exported files into their folder.

    A README.md that nas-export did not write, or that was edited since, stays; the card is then
    ``README.nas-export.md``.

    Args:
        run: Folder of the training, or None: its evaluations, recipe and command are read.
        model: The model that was exported.
        files: The exported files; the card says how to use each.
        out: The folder of the card.
        weights: Which weights were exported: the results on the card are theirs.

    Returns:
        The path of the card.

    Raises:
        OSError: If the card cannot be written.
    """
    text = card_text(model, card_facts(model, run, weights), [path.name for path in files])
    text += f"\n<!-- nas-export {_digest(text)} -->\n"
    out.mkdir(parents=True, exist_ok=True)
    path = out / CARD
    return write_atomic(path if _is_replaceable(path) else out / OTHER_CARD, text)


def card_text(model: ModelFile, facts: CardFacts, files: Sequence[str]) -> str:
    """Return the card as Markdown, with YAML at its beginning.

    Args:
        model: The model.
        facts: What is known about its training.
        files: Names of the exported files.
    """
    names, architecture = model.class_names, model.architecture
    name = str(facts.training.get("name") or architecture.key)
    return render(
        "card.md.jinja",
        filters={
            "md": markdown_text,
            "block": code_block,
            "percent": _percent,
            "short": _short,
        },
        lenient=True,  # the facts may be those of another version
        metadata=yaml.safe_dump(
            metadata(model, facts, name, files), sort_keys=False, allow_unicode=True, width=1000
        ),
        name=name,
        model=model,
        num_params=count_params(architecture, len(names)),
        macs=count_macs(architecture, model.eval_size, len(names)),
        class_names=names[:MOST_NAMES],
        other_names=len(names) - MOST_NAMES,
        facts=facts,
        recipe=recipe_rows(facts),
        stages=stage_rows(architecture),
        usage=usage(model, files),
        fit={
            "crop": "cut from its centre",
            "pad": "with black borders",
            "squash": "by scaling its sides differently",
        }[model.preprocessing.fit],
    )


def metadata(
    model: ModelFile, facts: CardFacts, name: str, files: Sequence[str]
) -> dict[str, Any]:
    """Return the values of the card's YAML.

    The license is left to the user, who has to know that of the images.
    """
    formats = {"model.onnx": "onnx", "model.safetensors": "safetensors", "timm_model.py": "timm"}
    tags = [tag for file, tag in formats.items() if file in files]
    return {
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "neural-architecture-search", "efficientnetv2", *tags],
        "metrics": ["accuracy"],
        "model-index": [{"name": one_line(name), "results": _results(model, facts)}],
    }


def _results(model: ModelFile, facts: CardFacts) -> list[dict[str, Any]]:
    """Return the results of the model index: of evaluations, or else of the training's end."""
    training, final = facts.training, facts.final
    found = [
        (content.get("data"), content.get("split"), _size_result(content, model.eval_size))
        for content in facts.evaluations
    ]
    if not found and final:
        found = [(training.get("images"), training.get("evaluated_on"), final)]
    return [
        {
            "task": {"type": "image-classification", "name": "Image classification"},
            "dataset": {
                "name": one_line(str(data)),
                "type": "imagefolder",
                "split": str(split),
            },
            "metrics": [
                {"type": "accuracy", "name": f"{label} accuracy", "value": float(scores[score])}
                for score, label in (("top1", "Top-1"), ("top5", "Top-5"))
                if isinstance(scores.get(score), float)
                and (score == "top1" or len(model.class_names) > 5)
            ],
        }
        for data, split, scores in found
    ]


def _size_result(evaluation: Mapping[str, Any], image_size: int) -> Mapping[str, Any]:
    """Return the result at the size of the exported network; else at that of the details."""
    sizes = {one.get("image_size"): one for one in reversed(evaluation["sizes"])}
    details = sizes.get(evaluation.get("image_size"), evaluation["sizes"][0])
    found: Mapping[str, Any] = sizes.get(image_size, details)
    return found


def stage_rows(architecture: Architecture) -> list[tuple[str | int, ...]]:
    """Return a row of the architecture's table for the stem, each stage and the head."""
    rows: list[tuple[str | int, ...]] = [
        ("stem", "convolution", 1, architecture.stem_width, 3, "", 2, "")
    ]
    for number, stage in enumerate(architecture.stages, start=1):
        block = "Fused-MBConv" if stage.block == "fused_mbconv" else "MBConv"
        squeeze = f"{stage.se_ratio:g}" if stage.se_ratio else "none"
        size, stride = stage.kernel_size, stage.stride
        rows.append(
            (number, block, stage.depth, stage.width, size, stage.expand_ratio, stride, squeeze)
        )
    return [*rows, ("head", "convolution", 1, architecture.head_width, 1, "", 1, "")]


def recipe_rows(facts: CardFacts) -> list[tuple[str, str]]:
    """Return names and values of the training's settings, those that were recorded."""
    training, recipe = facts.training, facts.recipe
    optimizer, rate = recipe.get("optimizer"), recipe.get("learning_rate")
    rows: list[tuple[str, object]] = [
        ("epochs", training.get("epochs")),
        ("steps", training.get("steps")),
        ("images per step", training.get("batch_size")),
        ("optimizer", optimizer.get("name") if isinstance(optimizer, Mapping) else None),
        ("learning rate", rate.get("base") if isinstance(rate, Mapping) else None),
        ("schedule", rate.get("schedule") if isinstance(rate, Mapping) else None),
        ("label smoothing", recipe.get("label_smoothing")),
        ("decay of the averaged weights", recipe.get("ema_decay")),
        ("survival probability of blocks", recipe.get("survival_prob")),
        ("seed", training.get("seed")),
        ("precision", training.get("precision")),
        ("device", training.get("device")),
        ("torch", training.get("torch_version")),
    ]
    return [(name, _short(value)) for name, value in rows if value is not None]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _percent(share: object) -> str:
    return f"{share:.2%}" if isinstance(share, int | float) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]


def _is_replaceable(path: Path) -> bool:
    """Return whether there is no file, or one that an export wrote and that was not edited."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    mark = _MARK.search(text)
    return mark is not None and _digest(text[: mark.start() - 1]) == mark[1]
