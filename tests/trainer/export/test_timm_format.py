"""Exports for timm and torchvision: their definitions of published networks, and their limits.

The libraries are not installed here: experiments/export/outputs.py compares their outputs with
ours. These tests check the written definitions against those in the libraries' own source code.
"""

import ast
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import build_network
from search_space.published import published
from search_space.weights import from_timm, from_torchvision
from tests.toys.exported_model import CLASSES, every_block, exported_model
from trainer.export import timm_format, torchvision_format
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing

FUSED, MBCONV = BlockType.FUSED_MBCONV, BlockType.MBCONV
# timm 1.0.31, timm/models/efficientnet.py: `_gen_efficientnet`, `_gen_efficientnetv2_base` and
# `_gen_efficientnetv2_s`.
TIMM = {
    "efficientnet-b0": [
        ["ds_r1_k3_s1_e1_c16_se0.25"],
        ["ir_r2_k3_s2_e6_c24_se0.25"],
        ["ir_r2_k5_s2_e6_c40_se0.25"],
        ["ir_r3_k3_s2_e6_c80_se0.25"],
        ["ir_r3_k5_s1_e6_c112_se0.25"],
        ["ir_r4_k5_s2_e6_c192_se0.25"],
        ["ir_r1_k3_s1_e6_c320_se0.25"],
    ],
    "efficientnetv2-b0": [
        ["cn_r1_k3_s1_e1_c16_skip"],
        ["er_r2_k3_s2_e4_c32"],
        ["er_r2_k3_s2_e4_c48"],
        ["ir_r3_k3_s2_e4_c96_se0.25"],
        ["ir_r5_k3_s1_e6_c112_se0.25"],
        ["ir_r8_k3_s2_e6_c192_se0.25"],
    ],
    "efficientnetv2-s": [
        ["cn_r2_k3_s1_e1_c24_skip"],
        ["er_r4_k3_s2_e4_c48"],
        ["er_r4_k3_s2_e4_c64"],
        ["ir_r6_k3_s2_e4_c128_se0.25"],
        ["ir_r9_k3_s1_e6_c160_se0.25"],
        ["ir_r15_k3_s2_e6_c256_se0.25"],
    ],
}
# torchvision 0.29.1, torchvision/models/efficientnet.py, `_efficientnet_conf`.
TORCHVISION_V2_S = [
    ("FusedMBConvConfig", [1, 3, 1, 24, 24, 2]),
    ("FusedMBConvConfig", [4, 3, 2, 24, 48, 4]),
    ("FusedMBConvConfig", [4, 3, 2, 48, 64, 4]),
    ("MBConvConfig", [4, 3, 2, 64, 128, 6]),
    ("MBConvConfig", [6, 3, 1, 128, 160, 9]),
    ("MBConvConfig", [6, 3, 2, 160, 256, 15]),
]


def _model(*stages: Stage, **changes: Any) -> ModelFile:
    architecture = Architecture(stem_width=16, stages=stages, head_width=16)
    weights = build_network(architecture, 2).state_dict()
    model = ModelFile(
        architecture=architecture,
        class_names=("cat", "dog"),
        train_size=24,
        eval_size=32,
        padding="symmetric",
        ema=weights,
        raw=weights,
        preprocessing=Preprocessing(decoded_size=40, eval_crop=0.875, decoding=1),
    )
    return replace(model, **changes)


def _constants(code: str) -> dict[str, Any]:
    """Return the literals that a file assigns to names, and the calls of STAGES as tuples."""
    found: dict[str, Any] = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if isinstance(value, ast.List) and all(isinstance(e, ast.Call) for e in value.elts):
                found[name] = [
                    (ast.unparse(call.func), [ast.literal_eval(one) for one in call.args])
                    for call in value.elts
                    if isinstance(call, ast.Call)
                ]
            elif not isinstance(value, ast.Call):
                found[name] = ast.literal_eval(value)
    return found


@pytest.mark.parametrize("name", TIMM)
def test_definitions_of_published_networks_are_timms(name: str) -> None:
    assert timm_format.stage_strings(published(name).architecture) == TIMM[name]


def test_ratios_give_the_squeezed_channels_that_timm_rounds_otherwise() -> None:
    # Ours: int(24 * 0.1) = 2 and int(56 * 0.1) = 5 channels; timm would round 5.6 to 6.
    stage = Stage(block=MBCONV, depth=3, width=56, expand_ratio=6, stride=2, se_ratio=0.1)
    architecture = Architecture(stem_width=24, stages=(stage,), head_width=16)
    (strings,) = timm_format.stage_strings(architecture)
    first, others = (string.rpartition("se") for string in strings)
    assert first[0] == "ir_r1_k3_s2_e6_c56_"
    assert others[0] == "ir_r2_k3_s1_e6_c56_"
    # timm: round(expanded channels * (ratio / expansion)).
    assert round(24 * 6 * (float(first[2]) / 6)) == 2
    assert round(56 * 6 * (float(others[2]) / 6)) == 5


def test_timms_file_holds_classes_preprocessing_and_options() -> None:
    code = timm_format.code(exported_model("tf-same"))
    found = _constants(code)
    assert found["CLASS_NAMES"] == CLASSES
    assert found["STAGES"] == [
        ["cn_r1_k3_s1_e1_c8_skip"],
        ["er_r2_k3_s2_e2_c16_se0.25"],
        ["ir_r2_k5_s2_e2_c24"],
        ["ds_r1_k3_s1_e1_c24_se0.25"],
    ]
    # The network subtracts 0.1, -0.2, 0.3 from images in [-1, 1], which is (value - 0.5) / 0.5.
    assert found["DATA"]["mean"] == pytest.approx((0.55, 0.4, 0.65))
    assert found["DATA"]["std"] == (0.5, 0.5, 0.5)
    assert found["DATA"]["input_size"] == (3, 20, 20)
    assert found["DATA"]["crop_pct"] == 0.875
    assert found["DATA"]["crop_mode"] == "border"
    assert 'pad_type="same"' in code
    assert "eps=0.002" in code
    assert "output_stride" not in code


def test_timm_does_not_replace_strides_beyond_32_by_dilation() -> None:
    stages = [Stage(block=MBCONV, depth=1, width=16, stride=2) for _ in range(5)]
    assert "output_stride=64," in timm_format.code(_model(*stages))


def test_timms_weights_are_ours(tmp_path: Path) -> None:
    model = exported_model()
    code, weights = timm_format.write(model, tmp_path / "new" / "folder")
    assert code.read_text() == timm_format.code(model)
    ours = from_timm(every_block(), load_file(weights))
    assert all(torch.equal(ours[name], tensor) for name, tensor in model.ema.items())


def test_what_timm_lacks_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    model = _model(Stage(block=FUSED, depth=1, width=16, expand_ratio=1, se_ratio=0.25))
    with pytest.raises(ValueError, match="timm has no Fused-MBConv of expansion 1 with squeeze"):
        timm_format.write(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_safetensors_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ValueError, match=r"pip install 'training-aware-nas\[export\]'"):
        timm_format.write(exported_model(), tmp_path)


def test_the_definition_of_v2_s_is_torchvisions() -> None:
    architecture = published("efficientnetv2-s").architecture
    code = torchvision_format.code(
        replace(_model(*architecture.stages), architecture=architecture)
    )
    found = _constants(code)
    assert found["STAGES"] == TORCHVISION_V2_S
    assert found["CLASS_NAMES"] == ("cat", "dog")
    assert "last_channel=1280," in code
    assert "CenterCrop(32)" in code
    assert "transforms.Resize(\n            36," in code  # int(32 / 0.875)


def test_torchvisions_weights_are_ours(tmp_path: Path) -> None:
    model = _model(
        Stage(block=FUSED, depth=1, width=16, expand_ratio=1),
        Stage(block=MBCONV, depth=2, width=24, stride=2, se_ratio=0.25),
    )
    _, weights = torchvision_format.write(model, tmp_path)
    read = torch.load(weights, weights_only=True)
    ours = from_torchvision(model.architecture, read)
    assert all(torch.equal(ours[name], tensor) for name, tensor in model.ema.items())


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage(block=FUSED, depth=1, width=16, se_ratio=0.25), "Fused-MBConv with squeeze-excite"),
        (Stage(block=MBCONV, depth=1, width=16), "MBConv without squeeze-excite"),
        (
            Stage(block=MBCONV, depth=1, width=16, se_ratio=0.5),
            "squeeze-excite of ratio 0.5, only of 0.25",
        ),
    ],
)
def test_what_torchvision_lacks_is_refused_and_nothing_is_written(
    stage: Stage, reason: str, tmp_path: Path
) -> None:
    model = _model(Stage(block=FUSED, depth=1, width=16), stage)
    with pytest.raises(ValueError, match=f"stage 2: torchvision has no {reason}"):
        torchvision_format.write(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_torchvision_has_no_padding_of_tensorflow(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="torchvision has no padding of TensorFlow"):
        torchvision_format.write(replace(exported_model(), padding="tf-same"), tmp_path)


@pytest.mark.skipif(shutil.which("ruff", path=Path(sys.executable).parent) is None, reason="ruff")
def test_the_files_are_formatted_and_free_of_findings(tmp_path: Path) -> None:
    stages = (
        Stage(block=MBCONV, depth=3, width=56, expand_ratio=6, stride=2, se_ratio=0.1),
        Stage(block=MBCONV, depth=1, width=16, expand_ratio=1, se_ratio=0.25),
    )
    for number, fit in enumerate(("crop", "pad", "squash")):
        prepared = Preprocessing(decoded_size=40, fit=fit, decoding=1)  # type: ignore[arg-type]
        model = _model(*stages[:1], preprocessing=prepared, input_shift=(0.1, -0.2, 0.3))
        (tmp_path / f"timm{number}.py").write_text(timm_format.code(model))
        (tmp_path / f"vision{number}.py").write_text(torchvision_format.code(model))
    model = _model(*stages, class_names=CLASSES, padding="tf-same")
    (tmp_path / "timm.py").write_text(timm_format.code(model))
    ruff = str(Path(sys.executable).parent / "ruff")
    for command in (["format", "--diff"], ["check", "--select", "E,F,W,I,B,UP,RUF"]):
        done = subprocess.run(
            [ruff, *command, "--isolated", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
