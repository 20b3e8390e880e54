"""What nas-train found before the training begins."""

import torch

from search_space.cost import count_macs, count_params
from search_space.counted import counted
from trainer.data.overview import Row, image_rows
from trainer.device.naming import device_name
from trainer.fit.request import TrainRequest


def training_rows(request: TrainRequest, recipe: str, workers: int) -> list[Row]:
    """Return the rows on images, network, recipe and device.

    Args:
        request: The training.
        recipe: Name of the recipe.
        workers: Processes that share each step.
    """
    file, plan, classes = request.file, request.plan, request.images.num_classes
    params = count_params(file.architecture, classes)
    macs = count_macs(file.architecture, plan.eval_size, classes)
    epochs = plan.total_steps / plan.steps_per_epoch
    sizes = list(dict.fromkeys(phase.image_size for phase in plan.phases))
    phases = (
        f"{len(plan.phases)} phases from {sizes[0]} to {sizes[-1]} px"
        if len(plan.phases) > 1
        else f"{sizes[0]} px"
    )
    several = counted(workers, "worker")
    if request.device.type == "cpu":
        several += f", {counted(torch.get_num_threads(), 'thread')}"
    return [
        *image_rows(request.images),
        ("split", _split(request)),
        (
            "network",
            f"{file.name}: {params / 1e6:,.2f} M parameters, {macs / 1e9:,.3f} G multiply-adds "
            f"at {plan.eval_size} px",
        ),
        (
            "training",
            f"{recipe}: {epochs:.4g} epochs = {plan.total_steps:,} steps of "
            f"{request.recipe.batch_size} images, {phases}",
        ),
        ("runs on", f"{device_name(request.device)}, {request.precision}, {several}"),
        ("time", "known after the first steps"),
    ]


def _split(request: TrainRequest) -> str:
    split, images = request.split, request.images.splits
    training, measured = len(split.training), len(split.evaluation)
    if split.evaluated_on == "holdout":
        return f"{training:,} to train, {measured:,} held out to measure accuracy"
    unused = [name for name in images if name not in ("train", split.evaluated_on)]
    left = "".join(f"; {len(images[name]):,} of {name} are not used" for name in unused)
    return f"{training:,} to train, {measured:,} of {split.evaluated_on} to measure accuracy{left}"
