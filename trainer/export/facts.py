"""What every exported file says about its model, in its metadata."""

import json
from typing import Any

from trainer.model_file import ModelFile

SCHEMA = "nas.export/1"


def facts(model: ModelFile) -> dict[str, Any]:
    """Return what a user of the exported network needs besides its outputs, JSON-ready.

    These are the schema of this dict, the names of the classes by output, the side of the images
    in pixels, how a picture becomes such an image, and which network it is.
    """
    return {
        "schema": SCHEMA,
        "class_names": list(model.class_names),
        "image_size": model.eval_size,
        "preprocessing": model.preprocessing.to_dict(),
        "multi_label": model.multi_label,
        "key": model.architecture.key,
        "architecture": model.architecture.to_dict(),
    }


def as_text(values: dict[str, Any]) -> dict[str, str]:
    """Return `values` for metadata that holds text alone: text stays, all else becomes JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }
