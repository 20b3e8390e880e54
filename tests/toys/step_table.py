"""An artificial table of step times: every part of `tiny` costs its kernel size."""

from search_space.parts import network_parts, space_parts
from search_space.space import SearchSpace
from trainer.step_table.table import StepTable, TableConditions

TINY = SearchSpace.load("tiny")


def made_table(
    *, image_size: int = 24, batch_size: int = 128, relative_error: float | None = None
) -> StepTable:
    """Return a table that predicts a network's sum of kernel sizes / that of the reference.

    Args:
        image_size: Side of the images, pixels.
        batch_size: Images per step.
        relative_error: Relative error that the table reports; None keeps the computed one, which
            is zero because the predictions are exact.
    """
    costs = {part: float(part.kernel_size) for part in space_parts(TINY, image_size)}
    reference = sum(part.kernel_size for part in network_parts(TINY.reference(), image_size))
    shallow = {f"stage{number}.depth": 1 for number in range(1, 6)}
    wide = {f"stage{number}.kernel_size": 5 for number in range(1, 6)}
    chosen = TINY.choices(TINY.reference())
    networks = [TINY.architecture({**chosen, **more}) for more in ({}, shallow, wide)]
    measured = {
        network: sum(part.kernel_size for part in network_parts(network, image_size)) / reference
        for network in networks
    }
    conditions = TableConditions(
        space="tiny",
        space_content=TINY.digest(),
        num_classes=10,
        image_size=image_size,
        batch_size=batch_size,
        precision="fp32",
        optimizer="sgd",
        device="a processor",
        torch_version="2.13.0",
    )
    table = StepTable.calibrated(
        conditions, costs, measured, reference_step_time_s=0.02, seconds=60.0
    )
    if relative_error is None:
        return table
    content = {**table.to_dict(), "relative_error": relative_error}
    return StepTable.from_dict(content)
