"""Initial weights of a network from a file of nas-train, torchvision or timm."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from search_space.architecture import Architecture
from search_space.network import BN_EPS, Network
from search_space.nn import Padding
from search_space.weights import from_timm, from_torchvision
from trainer.config import ScaleName
from trainer.run.classifier_rows import BIAS, WEIGHT, matched_rows
from trainer.run.conventions import (
    OUR_SCALE,
    SCALES,
    Conventions,
    fold_input_scale,
    input_shift,
    timm_conventions,
    timm_name,
    torchvision_conventions,
)
from trainer.run.init_file import (
    OUR_STEM,
    TIMM_STEM,
    TORCHVISION_STEM,
    InitFile,
    read_init_file,
)

UNNAMED = (
    "classifier: the file does not name its classes, so its rows are used in the order of this "
    "data set's classes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """Result of `init_from`.

    Attributes:
        naming: Naming scheme of the file: "ours", "torchvision" or "timm".
        loaded: Names of the loaded tensors.
        left_out: Names of the other tensors of the file, each with the reason.
        fresh: Names of the network's tensors that keep their random values.
        notes: What was done with the classes and with the conventions of the weights.
    """

    naming: str
    loaded: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    fresh: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line for the console."""
        by = "nas-train" if self.naming == "ours" else self.naming
        parts = [f"{len(self.loaded)} tensors loaded (named by {by})"]
        if self.left_out:
            some = "; ".join(f"{name}: {reason}" for name, reason in self.left_out[:4])
            more = f"; and {len(self.left_out) - 4} more" if len(self.left_out) > 4 else ""
            parts.append(f"{len(self.left_out)} not loaded ({some}{more})")
        if self.fresh:
            some = ", ".join(self.fresh[:4]) + (" and more" if len(self.fresh) > 4 else "")
            parts.append(f"{len(self.fresh)} start afresh ({some})")
        return "; ".join((", ".join(parts), *self.notes))


def init_from(
    network: Network,
    architecture: Architecture,
    path: Path,
    *,
    class_names: tuple[str, ...] | None = None,
    scale: ScaleName | None = None,
) -> LoadReport:
    """Load into `network`, of `architecture`, those tensors of a file that match it.

    They match by name and shape; the file is one of torch.save. Files of nas-train may be of
    another architecture; those of torchvision and timm must be of this one. The rows of the
    classifier match by class name if the file names its classes. If it does not, the classifier
    is loaded for an equal number of classes, and the report says that nothing is known of them.

    Weights of torchvision and timm become weights for images in [-1, 1], see `fold_input_scale`:
    the network gets their shift of images and their epsilon. Their padding is not changed.

    Args:
        network: Changed in place, on any device.
        architecture: Its architecture.
        path: The file.
        class_names: The network's classes by row of its classifier; None if they are not known.
        scale: Input scale of the file's weights; None for that of its origin.

    Raises:
        ValueError: If the file is damaged, of an unknown naming scheme, or nothing matches.
        OSError: If it cannot be read.
    """
    file = read_init_file(path)
    naming, weights = _renamed(architecture, file.tensors, path)
    conventions = _conventions(naming, architecture, file, path, network.padding)
    if scale is not None:
        conventions = replace(conventions, scale=SCALES[scale])
    target = network.state_dict()
    weights, classes = _with_classes(weights, file.class_names, target, class_names)
    loaded, left_out = _matching(fold_input_scale(weights, conventions.scale), target)
    if not any(name.endswith("conv.weight") for name in loaded):
        raise ValueError(f"{path}: none of its convolutions fit the network of --arch")
    network.load_state_dict(loaded, strict=False)
    network.set_bn_eps(conventions.bn_eps)
    if OUR_STEM in loaded:
        network.set_input_shift(input_shift(conventions.scale))
    said = _said(naming, conventions, network.padding)
    return LoadReport(
        naming=naming,
        loaded=tuple(loaded),
        left_out=left_out,
        fresh=tuple(name for name in target if name not in loaded),
        notes=tuple(note for note in (*classes, *said) if note),
    )


def check_init_file(architecture: Architecture, path: Path) -> None:
    """Check that a file holds weights under names that `init_from` knows.

    Raises:
        ValueError: If it does not.
        OSError: If it cannot be read.
    """
    _renamed(architecture, read_init_file(path).tensors, path)


def _renamed(
    architecture: Architecture, weights: dict[str, Tensor], path: Path
) -> tuple[str, dict[str, Tensor]]:
    try:
        if OUR_STEM in weights:
            return "ours", weights
        if TORCHVISION_STEM in weights:
            return "torchvision", from_torchvision(architecture, weights)
        if TIMM_STEM in weights:
            return "timm", from_timm(architecture, weights)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    some = ", ".join(sorted(weights)[:3])
    raise ValueError(
        f"{path}: its tensors are not named as by nas-train, torchvision or timm; it has {some}"
    )


def _conventions(
    naming: str, architecture: Architecture, file: InitFile, path: Path, padding: Padding
) -> Conventions:
    if file.conventions is not None:
        return file.conventions
    if naming == "torchvision":
        return torchvision_conventions(architecture)
    if naming == "timm":
        return timm_conventions(timm_name(path, file.arch), padding)
    return Conventions(origin="nas-train")


def _with_classes(
    weights: dict[str, Tensor],
    their_names: tuple[str, ...] | None,
    target: Mapping[str, Tensor],
    our_names: tuple[str, ...] | None,
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the weights with a classifier for our classes, and what to say about it."""
    theirs = {name: weights[name] for name in (WEIGHT, BIAS) if name in weights}
    if len(theirs) < 2 or theirs[WEIGHT].shape[1:] != target[WEIGHT].shape[1:]:
        return weights, ()
    if their_names is None or our_names is None:
        same = theirs[WEIGHT].shape == target[WEIGHT].shape
        return weights, ((UNNAMED,) if same else ())
    if not len(theirs[WEIGHT]) == len(theirs[BIAS]) == len(their_names):
        raise ValueError(f"its classifier has no row for each of its {len(their_names)} classes")
    classifier, note = matched_rows(theirs, their_names, target, our_names)
    rest = {name: tensor for name, tensor in weights.items() if name not in theirs}
    return {**rest, **classifier}, (note,)


def _matching(
    weights: Mapping[str, Tensor], target: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[tuple[str, str], ...]]:
    """Return the weights that fit the network, and the names of the others with the reason."""
    loaded: dict[str, Tensor] = {}
    left_out: list[tuple[str, str]] = []
    for name, tensor in weights.items():
        if name not in target:
            left_out.append((name, "this network has no such tensor"))
        elif tensor.shape != target[name].shape:
            shapes = f"{tuple(tensor.shape)} is not {tuple(target[name].shape)}"
            left_out.append((name, f"shape {shapes}"))
        else:
            loaded[name] = tensor
    return loaded, tuple(left_out)


def _said(naming: str, theirs: Conventions, padding: Padding) -> tuple[str, ...]:
    """Return what is said about the conventions of weights in a network of `padding`."""
    said = []
    if theirs.scale != OUR_SCALE:
        said.append(f"their input scale ({theirs.scale}) is folded into the stem")
    elif naming != "ours":
        said.append(f"their input scale is this one's ({theirs.scale})")
    if naming != "ours" or theirs.bn_eps != BN_EPS:
        said.append(f"batch normalisation with their epsilon {theirs.bn_eps:g}")
    if theirs.padding not in (None, padding):
        said.append(
            f"they were trained with {theirs.padding} padding and this network has {padding} "
            f"padding, which gives other outputs: set padding: {theirs.padding} in the recipe"
        )
    return (f"weights of {theirs.origin}: {', '.join(said)}",) if said else ()
