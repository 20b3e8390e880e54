"""A small model with random weights, for tests of predictions."""

from typing import Any

import torch

from search_space.network import build_network
from tests.toys.training import architecture
from trainer.data.cache.images import DECODING_VERSION
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing

CLASSES = ("cat", "dog", "big [red] bird")


def toy_model(**changes: Any) -> ModelFile:
    """Return a model with different `ema` and `raw` weights; `changes` are fields of it."""
    networks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = build_network(architecture(), len(CLASSES))
        torch.nn.init.normal_(network.classifier.weight, std=5.0)
        networks.append(network.state_dict())
    fields: dict[str, Any] = {
        "architecture": architecture(),
        "class_names": CLASSES,
        "train_size": 16,
        "eval_size": 16,
        "padding": "symmetric",
        "ema": networks[0],
        "raw": networks[1],
        "preprocessing": Preprocessing(decoded_size=20, fit="pad", decoding=DECODING_VERSION),
    }
    return ModelFile(**{**fields, **changes})
