"""Evaluation of the network that a training ends with: its files and its confusion matrix."""

import sys

from search_space.counted import counted
from trainer.device.gate import DeviceGate, device_key
from trainer.evaluation.evaluate import (
    Forward,
    Subject,
    evaluation_record,
    outcomes_of,
    predictions,
)
from trainer.evaluation.files import EVALUATION, write_evaluation
from trainer.evaluation.record import EvaluationRecord
from trainer.fit.request import TrainRequest
from trainer.fit.state import TrainState
from trainer.model_file import MODEL
from trainer.run.display import TrainDisplay


def evaluate_result(
    request: TrainRequest, state: TrainState, display: TrainDisplay
) -> EvaluationRecord | None:
    """Evaluate the averaged weights on the images of the training's evaluation; write the files.

    One process does it alone, also if several train: every image is then seen in the order of the
    split, and no results need to be collected.

    Returns:
        The evaluation; None, with a line on the display, if outputs of the network are not
        finite.

    Raises:
        OSError: If a file cannot be written.
    """
    split, size = request.split, request.plan.eval_size
    forward = Forward(
        device=request.device, precision=request.precision, crop=request.recipe.eval_crop
    )
    subject = Subject(
        model=request.folder.absolute() / MODEL,
        key=request.file.architecture.key,
        name=request.folder.name,
        class_names=request.images.class_names,
        weights="ema",
        command=request.command or sys.argv,
    )
    images, chosen = split.evaluation_images, split.evaluation
    display.print(f"evaluating the final network on {counted(len(chosen), 'image')}")
    try:
        with DeviceGate(device_key(request.device), notice=display.print) as gate:
            outcomes = outcomes_of(state.averaged, images, chosen, size, forward, gate=gate)
    except ValueError as error:
        display.print(f"note: no files of an evaluation are written: {error}")
        return None
    record = evaluation_record(
        subject,
        request.images,
        split.evaluated_on,
        {size: outcomes},
        forward,
        image_size=size,
    )
    rows = predictions(outcomes, images, chosen, subject.class_names)
    write_evaluation(request.folder / EVALUATION, record, rows)
    return record
