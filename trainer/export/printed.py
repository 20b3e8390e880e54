"""What nas-export prints: which files it wrote, how they compare and how they are loaded."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.export.agreement import Agreement
from trainer.export.exporting import Exported
from trainer.export.formats import FORMATS
from trainer.export.model_card import CARD
from trainer.model_file import ModelFile, Weights


def lines(
    path: Path, model: ModelFile, weights: Weights, written: Sequence[Exported]
) -> Iterator[str]:
    """Yield what was exported, for people."""
    kind = "averaged weights" if weights == "ema" else "weights of the last step"
    yield (
        f"{path}: network {model.architecture.key}, {len(model.class_names)} classes, "
        f"{model.eval_size} px, {kind}"
    )
    for one in written:
        for place in one.paths:
            yield f"wrote {place} ({_size(place.stat().st_size)})"
        if one.agreement is not None:
            yield f"  {_agreement(one.agreement)}"
        elif FORMATS[one.format].agreement is not None:
            missing = FORMATS[one.format].compares_with
            yield f"  outputs not compared with PyTorch's: {missing} is not installed"
        yield f"  load it: {one.load}"


def _agreement(found: Agreement) -> str:
    batches = f"batches of {', '.join(map(str, found.batches))}"
    if found.largest_difference == 0:
        return f"outputs equal PyTorch's ({batches})"
    return (
        f"largest difference from PyTorch's outputs: {found.largest_difference:.1e} "
        f"(logits up to {found.largest_logit:.1f}, {batches})"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def record(
    path: Path, model: ModelFile, weights: Weights, written: Sequence[Exported]
) -> dict[str, Any]:
    """Return what was exported, JSON-ready."""
    return {
        "model": str(path),
        "key": model.architecture.key,
        "weights": weights,
        "image_size": model.eval_size,
        "class_names": list(model.class_names),
        "formats": [
            {
                "format": one.format,
                "files": [
                    {"path": str(place), "bytes": place.stat().st_size} for place in one.paths
                ],
                "agreement": None if one.agreement is None else asdict(one.agreement),
                "load": one.load,
            }
            for one in written
        ],
    }


def card_lines(card: Path | None, address: str | None) -> Iterator[str]:
    """Yield where the card is, where the files were uploaded to, and what can be done next."""
    if card is not None:
        yield f"wrote {card} (model card)"
        if card.name != CARD:
            yield f"note: {card.with_name(CARD)} is not of nas-export or was edited, and stays"
    if address is not None:
        yield f"uploaded to {address}"
    elif card is not None:
        yield (
            f"next: {card.name} says how each file is used; the same command with --push-to "
            "OWNER/NAME uploads the files to the Hugging Face hub"
        )
