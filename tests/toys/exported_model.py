"""A model with every kind of block, for tests of exports; its outputs are far from equal."""

import torch

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import Network, build_network
from search_space.nn import Padding
from trainer.data.cache.images import DECODING_VERSION
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing

SIZE = 20
CLASSES = ("cat", "dog", 'a "quoted", [name]\n', "größer", "bird")


def every_block() -> Architecture:
    """Return both kinds of block, with and without expansion and squeeze-excite."""
    fused, mbconv = BlockType.FUSED_MBCONV, BlockType.MBCONV
    return Architecture(
        stem_width=8,
        stages=(
            Stage(block=fused, depth=1, width=8, expand_ratio=1, stride=1, se_ratio=0.0),
            Stage(block=fused, depth=2, width=16, expand_ratio=2, stride=2, se_ratio=0.25),
            Stage(block=mbconv, depth=2, width=24, kernel_size=5, expand_ratio=2, stride=2),
            Stage(block=mbconv, depth=1, width=24, expand_ratio=1, stride=1, se_ratio=0.25),
        ),
        head_width=32,
    )


def exported_model(padding: Padding = "tf-same") -> ModelFile:
    """Return a model with an input shift, another bn_eps, and `raw` weights unlike `ema`."""
    ema, raw = (_network(seed, padding).state_dict() for seed in (0, 1))
    return ModelFile(
        architecture=every_block(),
        class_names=CLASSES,
        train_size=16,
        eval_size=SIZE,
        padding=padding,
        ema=ema,
        raw=raw,
        bn_eps=2e-3,
        input_shift=(0.1, -0.2, 0.3),
        preprocessing=Preprocessing(
            decoded_size=24, fit="pad", eval_crop=0.875, decoding=DECODING_VERSION
        ),
    )


def _network(seed: int, padding: Padding) -> Network:
    """Return a network whose normalisations have statistics, and whose logits are some units."""
    torch.manual_seed(seed)
    network = build_network(every_block(), len(CLASSES), padding=padding)
    network.train()
    network.set_dropout(0.0)
    for _ in range(20):
        network(torch.rand((16, 3, SIZE, SIZE)) * 2 - 1)
    torch.nn.init.normal_(network.classifier.weight, std=2.0)
    return network
