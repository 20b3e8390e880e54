"""How to use each exported file, as sections of the model card."""

from collections.abc import Sequence
from typing import NamedTuple

from trainer.model_file import ModelFile


class Usage(NamedTuple):
    """A section of the card: the files, a sentence about them, and Python code."""

    files: tuple[str, ...]
    text: str
    code: str


def usage(model: ModelFile, files: Sequence[str]) -> list[Usage]:
    """Return how to use those of `files` that nas-export writes, in its order."""
    size = model.eval_size
    pixels = f"uint8 (batch, 3, {size}, {size}), RGB"
    known = [
        Usage(
            ("model.py", "model_weights.pt"),
            "The network as one Python file that needs torch. Reading pictures needs Pillow too.",
            "import model\n\n"
            "network = model.load()\n"
            'print(model.predict(network, "picture.jpg")[:5])',
        ),
        Usage(
            ("model.onnx",),
            f"ONNX, for onnxruntime and others. The input `images` is {pixels}; the outputs are "
            "`logits` and `probabilities`. The names of the classes are in the metadata.",
            "import json\n\n"
            "import numpy as np\n"
            "import onnxruntime\n\n"
            'session = onnxruntime.InferenceSession("model.onnx")\n'
            "names = json.loads(session.get_modelmeta().custom_metadata_map"
            '["class_names"])\n'
            f"images = np.zeros((1, 3, {size}, {size}), np.uint8)  # your pictures\n"
            'logits, probabilities = session.run(None, {"images": images})\n'
            "print(names[probabilities[0].argmax()])",
        ),
        Usage(
            ("model.pt2",),
            f"A program of torch.export, which needs torch alone. Its input is {pixels}.",
            "import torch\n\n"
            'network = torch.export.load("model.pt2").module()\n'
            f"images = torch.zeros((1, 3, {size}, {size}), dtype=torch.uint8)  # your pictures\n"
            "logits, probabilities = network(images)",
        ),
        Usage(
            ("model.safetensors",),
            "The weights under this project's names, with the architecture in the metadata.",
            'from safetensors.torch import load_file\n\nweights = load_file("model.safetensors")',
        ),
        Usage(
            ("timm_model.py", "timm_model.safetensors"),
            "The network in timm, with the weights under timm's names.",
            _peer("timm_model")
            + "from timm.data import create_transform, resolve_model_data_config\n\n"
            "network = timm_model.load()\n"
            "transform = create_transform(**resolve_model_data_config(network))\n"
            'picture = Image.open("picture.jpg").convert("RGB")\n'
            "logits = network(transform(picture)[None])\n"
            "print(timm_model.CLASS_NAMES[logits[0].argmax()])",
        ),
        Usage(
            ("torchvision_model.py", "torchvision_model.pt"),
            "The network in torchvision, with the weights under torchvision's names.",
            _peer("torchvision_model") + "\nnetwork = torchvision_model.load()\n"
            'picture = Image.open("picture.jpg").convert("RGB")\n'
            "logits = network(torchvision_model.TRANSFORM(picture)[None])\n"
            "print(torchvision_model.CLASS_NAMES[logits[0].argmax()])",
        ),
    ]
    return [one for one in known if set(one.files) <= set(files)]


def _peer(module: str) -> str:
    """Return the imports of a snippet for timm or torchvision."""
    return f"import {module}\nfrom PIL import Image\n"
