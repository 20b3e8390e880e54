"""A file of initial weights: its tensors, and what it says about their classes and conventions."""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from search_space.network import BN_EPS
from search_space.nn import Padding
from trainer import model_file
from trainer.fit import checkpoint
from trainer.model_file import shift_values
from trainer.run.conventions import Conventions, shifted_scale
from trainer.tensor_file import load_tensors

# Keys under which a file stores its weights, of nas-train and of other tools.
_KEYS = ("ema", "state_dict_ema", "state_dict", "model_ema", "model")
# The first convolution of a network, by its name here, in torchvision and in timm.
OUR_STEM, TORCHVISION_STEM = "stem.conv.weight", "features.0.0.weight"
TIMM_STEM = "conv_stem.weight"
STEMS = (OUR_STEM, TORCHVISION_STEM, TIMM_STEM)
_DEEPEST = 3  # of weights under several keys in one another
_MODEL = "model.pt"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InitFile:
    """Content of a file of initial weights.

    Attributes:
        tensors: The weights under the file's names.
        class_names: Classes by row of the classifier; None if the file names none.
        conventions: Conventions that the file states; None for files of other tools.
        arch: Value of ``arch``, the network's name in checkpoints of timm; None without.
    """

    tensors: dict[str, Tensor]
    class_names: tuple[str, ...] | None = None
    conventions: Conventions | None = None
    arch: str | None = None


def init_path(path: Path) -> Path:
    """Return the file that ``--init-from`` names: of a run folder, its model or checkpoint.

    Raises:
        ValueError: If there is no such file, or the folder holds neither.
    """
    if path.is_dir():
        for name in (_MODEL, checkpoint.NEWEST):
            if (path / name).is_file():
                return path / name
        raise ValueError(
            f"--init-from {path}: this folder holds no {_MODEL} and no {checkpoint.NEWEST}"
        )
    if not path.exists():
        raise ValueError(f"--init-from {path}: no such file")
    return path


def read_init_file(path: Path) -> InitFile:
    """Read a file of nas-train, or of torch.save with a state_dict.

    Raises:
        ValueError: If the file is damaged or holds no weights.
        OSError: If it cannot be read.
    """
    # The training scripts of timm and torchvision store their arguments with the weights.
    plain = (argparse.Namespace,)
    content = load_tensors(path, torch.device("cpu"), plain=plain)
    if content.get("schema") == model_file.SCHEMA:
        model = model_file.parse_model(content, path)
        conventions = Conventions(
            origin="nas-train",
            scale=shifted_scale(model.input_shift),
            padding=model.padding,
            bn_eps=model.bn_eps,
        )
        return InitFile(tensors=model.ema, class_names=model.class_names, conventions=conventions)
    if content.get("schema") == checkpoint.SCHEMA:
        return _of_checkpoint(content, path)
    arch = content.get("arch")
    return InitFile(tensors=_tensors(content, path), arch=arch if isinstance(arch, str) else None)


def _of_checkpoint(content: Mapping[str, Any], path: Path) -> InitFile:
    checkpoint.check_content(content, path)
    state, names = content["state"], content.get("class_names")
    padding = content["identity"].get("padding")
    return InitFile(
        tensors=_tensors({"ema": state["average"] or state["network"]}, path),
        class_names=None if names is None else tuple(names),
        conventions=Conventions(
            origin="nas-train",
            scale=shifted_scale(shift_values(state.get("input_shift"))),
            padding=padding if padding in get_args(Padding) else None,
            bn_eps=state.get("bn_eps", BN_EPS),
        ),
    )


def _tensors(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    inner = content
    for _ in range(_DEEPEST):
        inner = next((inner[key] for key in _KEYS if isinstance(inner.get(key), dict)), inner)
    tensors = {
        name: value
        for name, value in inner.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    tensors.pop("n_averaged", None)  # of torch's AveragedModel
    if not tensors:
        raise ValueError(f"{path}: holds no weights")
    if (wrapper := _wrapper(tensors, path)) is None:
        return tensors
    return {name.removeprefix(wrapper): value for name, value in tensors.items()}


def _wrapper(names: Iterable[str], path: Path) -> str | None:
    """Return the prefix that a wrapper gave to the names of the network, such as ``module.``.

    Raises:
        ValueError: If there are several networks, such as those of a teacher and a student.
    """
    found = {name.removesuffix(stem) for name in names for stem in STEMS if name.endswith(stem)}
    if len(found) > 1 and "" not in found:
        raise ValueError(
            f"{path}: holds {len(found)} networks, with the prefixes {', '.join(sorted(found))}; "
            "save the state_dict of one of them"
        )
    return None if "" in found or not found else found.pop()
