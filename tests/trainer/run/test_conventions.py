"""Conventions of weights: which scale, padding and epsilon, and the scale folded into the stem.

The expected values are those of torchvision's and timm's sources.
"""

from pathlib import Path

import pytest
import torch

from search_space.network import build_network
from search_space.nn import Padding
from search_space.published import published
from tests.toys.training import architecture
from trainer.run.conventions import (
    SCALES,
    fold_input_scale,
    input_shift,
    shifted_scale,
    timm_conventions,
    timm_name,
    torchvision_conventions,
)


@pytest.mark.parametrize(
    ("name", "scale", "bn_eps"),
    [
        ("efficientnet-b0", "imagenet", 1e-5),
        ("efficientnet-b4", "imagenet", 1e-5),
        ("efficientnet-b5", "imagenet", 1e-3),
        ("efficientnetv2-s", "imagenet", 1e-3),
        ("efficientnetv2-l", "inception", 1e-3),
    ],
)
def test_torchvision(name: str, scale: str, bn_eps: float) -> None:
    found = torchvision_conventions(published(name).architecture)
    means = {"imagenet": (0.485, 0.456, 0.406), "inception": (0.5, 0.5, 0.5)}
    assert (found.scale.mean, found.bn_eps) == (means[scale], bn_eps)
    assert found.padding == "symmetric"


@pytest.mark.parametrize(
    ("name", "red_mean", "padding", "bn_eps"),
    [
        ("tf_efficientnetv2_s", 0.5, "tf-same", 1e-3),
        ("tf_efficientnetv2_xl.in21k_ft_in1k", 0.5, "tf-same", 1e-3),
        ("tf_efficientnetv2_l_21k", 0.5, "tf-same", 1e-3),
        ("tf_efficientnetv2_b0.in1k", 0.485, "tf-same", 1e-3),
        ("tf_efficientnetv2_b3.in21k", 0.5, "tf-same", 1e-3),
        ("tf_efficientnetv2_b3.in1k", 0.485, "tf-same", 1e-3),
        ("tf_efficientnet_b0.ap_in1k", 0.5, "tf-same", 1e-3),
        ("tf_efficientnet_b0_ap", 0.5, "tf-same", 1e-3),
        ("tf_efficientnet_b0_aa", 0.485, "tf-same", 1e-3),
        ("efficientnet_b0.ra_in1k", 0.485, "symmetric", 1e-5),
        ("efficientnet_b0.ra4_e3600_r224_in1k", 0.5, "symmetric", 1e-5),
        ("efficientnetv2_rw_s.ra2_in1k", 0.485, "symmetric", 1e-5),
    ],
)
def test_timm(name: str, red_mean: float, padding: Padding, bn_eps: float) -> None:
    found = timm_conventions(name, "symmetric")
    assert (found.scale.mean[0], found.padding, found.bn_eps) == (red_mean, padding, bn_eps)


def test_without_a_name_the_padding_tells_networks_of_tensorflow() -> None:
    assert timm_conventions(None, "tf-same").bn_eps == 1e-3
    assert timm_conventions(None, "symmetric").bn_eps == 1e-5


@pytest.mark.parametrize(
    ("path", "arch", "name"),
    [
        ("x/weights.pth", None, None),
        ("x/weights.pth", "tf_efficientnet_b0", "tf_efficientnet_b0"),
        ("x/tf_efficientnet_b0_ap-f262efe1.pth", None, "tf_efficientnet_b0_ap"),
        ("tf_efficientnetv2_s.in1k/pytorch_model.bin", None, "tf_efficientnetv2_s.in1k"),
        (
            "hub/models--timm--tf_efficientnetv2_b0.in1k/snapshots/8e1/pytorch_model.bin",
            None,
            "tf_efficientnetv2_b0.in1k",
        ),
    ],
)
def test_the_name_of_a_timm_network(path: str, arch: object, name: str | None) -> None:
    assert timm_name(Path(path), arch) == name


@pytest.mark.parametrize("padding", ["symmetric", "tf-same"])
def test_the_folded_stem_is_exact_up_to_the_border(padding: Padding) -> None:
    torch.manual_seed(0)
    network = build_network(architecture(), 3, padding=padding).double()  # in training mode
    colours = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
    wanted = network((colours - mean) / std)
    network.load_state_dict(fold_input_scale(network.state_dict(), SCALES["imagenet"]))
    network.set_input_shift(input_shift(SCALES["imagenet"]))
    torch.testing.assert_close(network(2 * colours - 1), wanted, rtol=1e-5, atol=1e-5)


def test_our_scale_has_no_shift() -> None:
    assert input_shift(SCALES["inception"]) is None
    assert shifted_scale(None) == SCALES["inception"]
    assert input_shift(shifted_scale((0.5, 0.25, -0.125))) == (0.5, 0.25, -0.125)
