"""Our weights under the names of torchvision and timm: the renaming and its inverse agree."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import build_network
from search_space.weights import from_timm, from_torchvision, to_timm, to_torchvision
from tests.strategies import architectures

SMALL = Architecture(
    stem_width=8,
    stages=(
        Stage(block=BlockType.FUSED_MBCONV, depth=1, width=8, expand_ratio=1),
        Stage(block=BlockType.MBCONV, depth=1, width=16, stride=2, se_ratio=0.25),
    ),
    head_width=16,
)


def _weights(architecture: Architecture, classes: int = 3) -> dict[str, Tensor]:
    return build_network(architecture, classes).state_dict()


def _without_fused_squeeze_excite(architecture: Architecture) -> Architecture:
    """Neither library has squeeze-excite in every Fused-MBConv."""
    return replace(
        architecture,
        stages=tuple(
            replace(stage, se_ratio=0.0) if stage.block is BlockType.FUSED_MBCONV else stage
            for stage in architecture.stages
        ),
    )


@settings(max_examples=25, deadline=None)
@given(architectures(max_stages=3, max_depth=2), st.sampled_from(("timm", "torchvision")))
def test_renaming_and_renaming_back_returns_every_tensor(
    drawn: Architecture, library: str
) -> None:
    architecture = _without_fused_squeeze_excite(drawn)
    ours = _weights(architecture)
    to, back = {
        "timm": (to_timm, from_timm),
        "torchvision": (to_torchvision, from_torchvision),
    }[library]
    theirs = to(architecture, ours)
    assert len(theirs) == len(ours)
    returned = back(architecture, theirs)
    assert returned.keys() == ours.keys()
    assert all(torch.equal(returned[name], tensor) for name, tensor in ours.items())


def test_the_names_of_timm() -> None:
    # As in timm.create_model("efficientnetv2_rw_t").state_dict() and "efficientnet_b0".
    theirs = to_timm(SMALL, _weights(SMALL))
    assert theirs["conv_stem.weight"].shape == (8, 3, 3, 3)
    assert theirs["blocks.0.0.conv.weight"].shape == (8, 8, 3, 3)
    assert theirs["blocks.1.0.conv_pw.weight"].shape == (32, 8, 1, 1)
    assert theirs["blocks.1.0.conv_dw.weight"].shape == (32, 1, 3, 3)
    assert theirs["blocks.1.0.se.conv_reduce.weight"].shape == (2, 32, 1, 1)
    assert theirs["blocks.1.0.se.conv_expand.weight"].shape == (32, 2, 1, 1)
    assert theirs["blocks.1.0.conv_pwl.weight"].shape == (16, 32, 1, 1)
    assert theirs["blocks.1.0.bn3.running_var"].shape == (16,)
    assert theirs["conv_head.weight"].shape == (16, 16, 1, 1)
    assert theirs["classifier.weight"].shape == (3, 16)


def test_the_names_of_torchvision() -> None:
    # As in torchvision.models.efficientnet_b0().state_dict().
    theirs = to_torchvision(SMALL, _weights(SMALL))
    assert theirs["features.0.0.weight"].shape == (8, 3, 3, 3)
    assert theirs["features.1.0.block.0.0.weight"].shape == (8, 8, 3, 3)
    assert theirs["features.2.0.block.2.fc1.weight"].shape == (2, 32, 1, 1)
    assert theirs["features.2.0.block.3.0.weight"].shape == (16, 32, 1, 1)
    assert theirs["features.3.0.weight"].shape == (16, 16, 1, 1)
    assert theirs["classifier.1.bias"].shape == (3,)


def test_weights_of_another_architecture_are_named() -> None:
    ours = _weights(SMALL)
    del ours["stages.1.0.branch.project.conv.weight"]
    with pytest.raises(ValueError, match=r"lacks stages\.1\.0\.branch\.project\.conv\.weight"):
        to_timm(SMALL, ours)
    with pytest.raises(ValueError, match=r"that this architecture lacks: extra"):
        to_torchvision(SMALL, {**_weights(SMALL), "extra": torch.zeros(1)})


def test_what_a_library_does_not_have_is_rejected() -> None:
    fused = replace(SMALL.stages[0], se_ratio=0.25)
    architecture = replace(SMALL, stages=(fused, *SMALL.stages[1:]))
    with pytest.raises(ValueError, match="torchvision has no Fused-MBConv with squeeze-excite"):
        to_torchvision(architecture, _weights(architecture))
    with pytest.raises(ValueError, match="timm has no Fused-MBConv of expansion 1 with squeeze"):
        to_timm(architecture, _weights(architecture))
