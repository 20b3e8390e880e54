"""Do exported networks give our outputs in timm, in torchvision and with torch alone?

Networks with random weights are exported, and the exported Python files are imported by the Python
of another environment, which has torch, torchvision and timm and not this project:

    python -m venv PEERS && PEERS/bin/pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31
    PYTHONPATH=. python experiments/export/outputs.py --python PEERS/bin/python \
        --out experiments/export

All arithmetic is in float64. For each network the script also measures how much its own logits
change if the images change by 1e-15, about the precision of a number: a deep network with random
weights amplifies such differences.
"""

import argparse
import json
import random
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from search_space.architecture import Architecture, BlockType, Stage
from search_space.cost import count_params
from search_space.network import build_network
from search_space.published import published, published_names
from search_space.space import SearchSpace
from trainer.export import source_code, timm_format, torchvision_format
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing

CLASSES, IMAGE_SIZE, BATCH, NOISE = 7, 64, 2, 1e-15
LARGEST = 60_000_000  # parameters; larger networks only have more of the same blocks
TOGETHER = 8  # networks that one process of the other environment reads
SPACES = ("tiny", "efficientnetv2-s", "efficientnet-b4")
FORMATS = {
    "timm": timm_format.write,
    "torchvision": torchvision_format.write,
    "model.py": source_code.write,
}
FOUND = Architecture(  # every kind of block, kernels 3, 5 and 7, ratios that timm would round
    stem_width=16,
    stages=(
        Stage(block=BlockType.FUSED_MBCONV, depth=2, width=16, expand_ratio=1, kernel_size=5),
        Stage(block=BlockType.FUSED_MBCONV, depth=2, width=24, stride=2, se_ratio=0.1),
        Stage(block=BlockType.MBCONV, depth=3, width=40, stride=2, kernel_size=5, se_ratio=0.1),
        Stage(block=BlockType.MBCONV, depth=2, width=40, expand_ratio=1, se_ratio=0.25),
        Stage(block=BlockType.MBCONV, depth=1, width=56, expand_ratio=6, kernel_size=7),
        Stage(block=BlockType.MBCONV, depth=1, width=64, stride=2, se_ratio=0.25),
        Stage(block=BlockType.MBCONV, depth=1, width=64, stride=2, se_ratio=0.25),
    ),
    head_width=128,
)
# Runs in the other environment, with the folder of the exports as its argument.
CHECK = """
import importlib.util, json, sys
from pathlib import Path
import torch

assert not any(map(importlib.util.find_spec, ("search_space", "trainer", "nas")))
torch.set_num_threads(1)
errors = {}
for file in sorted(Path(sys.argv[1]).glob("*/*/*.py")):
    spec = importlib.util.spec_from_file_location("exported", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    expected = torch.load(file.parent / "expected.pt", weights_only=True)
    images = expected["images"]
    if file.name != "model.py":  # their transforms subtract the shift, with the mean
        images = images - expected["shift"]
    with torch.no_grad():
        logits = module.load().double()(images)
    error = (logits - expected["logits"]).abs().max() / expected["logits"].abs().max()
    errors[str(file.relative_to(sys.argv[1]))] = float(error)
print(json.dumps(errors))
"""


def networks(count: int) -> Iterator[tuple[str, Architecture]]:
    """Yield the networks by name: published, drawn from the spaces, and one of all blocks."""
    for name in published_names():
        if count_params(published(name).architecture) <= LARGEST:
            yield name, published(name).architecture
    for name in SPACES:
        space, rng = SearchSpace.load(name), random.Random(0)
        for number in range(count):
            yield f"{name}-{number}", space.architecture(space.sample(rng))
    yield "every-block", FOUND


def model_of(architecture: Architecture, number: int) -> ModelFile:
    """Return a model with random weights; settings alternate with the number.

    The statistics of its normalisations are those of noise, as after a training: with others the
    activations of deep networks grow so much that rounding alone changes the logits.
    """
    torch.manual_seed(number)
    network = build_network(architecture, CLASSES)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.normal_(module.bias, std=0.1)
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.rand(4 * BATCH, 3, IMAGE_SIZE, IMAGE_SIZE) * 2 - 1)
    return ModelFile(
        architecture=architecture,
        class_names=tuple(f"class {index}" for index in range(CLASSES)),
        train_size=IMAGE_SIZE,
        eval_size=IMAGE_SIZE,
        padding="symmetric" if number % 2 == 0 else "tf-same",
        ema=network.state_dict(),
        raw=network.state_dict(),
        bn_eps=1e-3 if number % 4 < 2 else 1e-5,
        input_shift=None if number % 3 else (-0.03, -0.088, -0.188),
        preprocessing=Preprocessing(decoded_size=IMAGE_SIZE, decoding=2),
    )


def save_expected(model: ModelFile, folder: Path) -> float:
    """Write images in [-1, 1], the input shift and our logits, float64.

    Returns:
        The relative change of the logits if the images change by `NOISE`.
    """
    network = build_network(
        model.architecture, CLASSES, padding=model.padding, bn_eps=model.bn_eps
    )
    network.load_state_dict(model.ema)
    network.set_input_shift(model.input_shift)
    network.double().eval()
    images = torch.rand(BATCH, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.float64) * 2 - 1
    shift = torch.tensor(model.input_shift or (0, 0, 0))[:, None, None].double()
    with torch.no_grad():
        logits = network(images)
        other = network(images + NOISE * torch.randn_like(images))
    content = {"images": images, "shift": shift, "logits": logits}
    torch.save(content, folder / "expected.pt")
    return float((other - logits).abs().max() / logits.abs().max())


def export(kind: str, name: str, model: ModelFile, folder: Path) -> float | None:
    """Export `model` into a folder of `folder`.

    Returns:
        What `save_expected` returns, or None if the format cannot express the network.
    """
    if kind == "torchvision":  # it has no other padding
        model = replace(model, padding="symmetric")
    target = folder / kind / name
    try:
        FORMATS[kind](model, target)
    except ValueError as error:
        print(f"{name}: {error}")
        return None
    return save_expected(model, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="python of the other environment")
    parser.add_argument("--count", type=int, default=10, help="networks drawn from each space")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, dict[str, float | None]] = {}
    numbered = list(enumerate(networks(args.count)))
    for start in range(0, len(numbered), TOGETHER):
        with tempfile.TemporaryDirectory() as folder:
            for number, (name, architecture) in numbered[start : start + TOGETHER]:
                model = model_of(architecture, number)
                changes = {kind: export(kind, name, model, Path(folder)) for kind in FORMATS}
                found[name] = dict.fromkeys(FORMATS)
                found[name]["own change"] = max(filter(None, changes.values()))
            command = [args.python, "-I", "-c", CHECK, folder]
            printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        for file, error in json.loads(printed.stdout).items():
            kind, name, _ = Path(file).parts
            found[name][kind] = error
        for _, (name, _) in numbered[start : start + TOGETHER]:
            print(name, found[name], flush=True)
    args.out.joinpath("outputs.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
