"""A whole training: its files, stops and resumes to the same bits, and its failures."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from rich.console import Console
from torch import Tensor

from search_space.network import Network
from tests.toys.training import StopAfter, images, toy_run
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.loop import DivergedError
from trainer.fit.step import StepReport, take_step
from trainer.model_file import load_model, read_model
from trainer.run.display import ConsoleDisplay
from trainer.run.train import train
from trainer.stop_signals import StopRequest
from trainer.tensor_file import load_tensors, save_tensors


def quiet() -> ConsoleDisplay:
    return ConsoleDisplay(Console(file=io.StringIO()))


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the plot, which takes longer than training, except in the test of the files."""
    if request.function is not test_a_training_learns_and_writes_its_files:
        monkeypatch.setattr("trainer.run.results.plot_training", lambda *_: None)


def weights(folder: Path) -> dict[str, Tensor]:
    model = read_model(folder / "model.pt")
    raw = {f"raw.{name}": tensor for name, tensor in model.raw.items()}
    return raw | {f"ema.{name}": tensor for name, tensor in model.ema.items()}


def assert_equal_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": {"name": "sgd"}, "micro_batch": 5, "ema_decay": 0.0},
        {"optimizer": {"name": "adamw"}, "augment": {"crop": None, "cutout": 0.5}},
    ],
    ids=["rmsprop", "sgd-accumulating", "adamw-cutout"],
)
def test_a_stopped_training_ends_in_the_same_bits(tmp_path: Path, changes: dict[str, Any]) -> None:
    whole, parts = toy_run(tmp_path / "whole", **changes), toy_run(tmp_path / "parts", **changes)
    assert train(whole, quiet(), resume=False, stop=StopRequest())
    assert not train(parts, quiet(), resume=True, stop=StopAfter(2))
    assert not train(parts, quiet(), resume=True, stop=StopAfter(6))  # in the second phase
    assert train(parts, quiet(), resume=True, stop=StopRequest())
    assert_equal_bits(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    columns = ["step", "epoch", "phase", "learning_rate", "top1", "top5", "loss"]
    one, other = (pd.read_csv(tmp_path / name / "metrics.csv") for name in ("whole", "parts"))
    pd.testing.assert_frame_equal(one[columns], other[columns])


def test_equal_seeds_give_equal_weights(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(toy_run(tmp_path / name), quiet(), resume=False, stop=StopRequest())
    assert_equal_bits(weights(tmp_path / "one"), weights(tmp_path / "two"))


def test_a_training_learns_and_writes_its_files(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run", duration={"epochs": 20})
    assert train(run, quiet(), resume=False, stop=StopRequest())
    summary = json.loads((run.folder / "summary.json").read_text())
    assert summary["final"]["top1"] > 0.6  # of three classes
    assert summary["evaluated_on"] == "test"
    assert summary["num_evaluated"] == 30
    assert summary["notes"] == []
    assert [phase["image_size"] for phase in summary["phases"]] == [8, 16]
    assert summary["steps"] == 65  # 20 epochs of 52 images in batches of 16
    assert pd.read_csv(run.folder / "metrics.csv")["step"].iloc[-1] == 65
    for name in ("config.yaml", "environment.json", "training.png", "checkpoint.pt"):
        assert (run.folder / name).stat().st_size > 0
    assert list((run.folder / "tensorboard").glob("*tfevents*"))
    environment = json.loads((run.folder / "environment.json").read_text())
    plan = environment["plan"]
    assert (plan["steps"], plan["num_images"], plan["steps_per_epoch"]) == (65, 52, 3.25)
    assert plan["segments"] == [[0, 0], [32, 1]]  # half of the steps each, rounded down
    assert [phase["image_size"] for phase in plan["phases"]] == [8, 16]
    assert datetime.fromisoformat(environment["date"]).utcoffset() == timedelta(0)


def test_load_model_returns_the_network(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopRequest())
    averaged = load_model(run.folder / "model.pt")
    raw = load_model(run.folder / "model.pt", "raw")
    assert not averaged.training
    batch = torch.randn(2, 3, 16, 16)
    assert averaged(batch).shape == (2, 3)
    assert not torch.equal(averaged(batch), raw(batch))


def test_a_folder_with_a_training_is_not_overwritten(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopAfter(1))
    with pytest.raises(ValueError, match="add --resume"):
        train(run, quiet(), resume=False, stop=StopRequest())


def test_a_finished_training_does_not_change(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopRequest())
    before = {path.name: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert train(run, quiet(), resume=True, stop=StopRequest())
    after = {path.name: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert after == before


def test_a_training_is_not_resumed_with_other_settings(tmp_path: Path) -> None:
    train(toy_run(tmp_path / "run"), quiet(), resume=False, stop=StopAfter(1))
    other = toy_run(tmp_path / "run", label_smoothing=0.2)
    with pytest.raises(ValueError, match=r"label_smoothing 0\.1, and not 0\.2"):
        train(other, quiet(), resume=True, stop=StopRequest())
    longer = toy_run(tmp_path / "run", duration={"epochs": 9})
    with pytest.raises(ValueError, match=r"started with --epochs 4\.0, and not 9\.0; give"):
        train(longer, quiet(), resume=True, stop=StopRequest())


def test_a_training_is_not_resumed_at_other_image_sizes_of_the_same_network(
    tmp_path: Path,
) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopAfter(1))
    size = run.file.train_size
    other = replace(run, file=replace(run.file, train_size=size + 4))
    message = rf"training image size of --arch of {size}, and not {size + 4};"
    with pytest.raises(ValueError, match=message):
        train(other, quiet(), resume=True, stop=StopRequest())


def test_of_a_group_of_settings_the_one_that_differs_is_named(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopAfter(1))
    augment = run.recipe.augment.model_copy(update={"flip": True})
    other = replace(run, recipe=run.recipe.model_copy(update={"augment": augment}))
    with pytest.raises(ValueError, match=r"augment\.flip \(--no-flip\) False, and not True;"):
        train(other, quiet(), resume=True, stop=StopRequest())


def test_a_training_is_not_resumed_with_other_images_or_seeds(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopAfter(1))
    others = replace(run.images, path=tmp_path / "16px-other", class_names=tuple("abcd"))
    message = (
        r"images of --data are not those that .*/run was started with: 4 classes instead of 3"
    )
    with pytest.raises(ValueError, match=message):
        train(replace(run, images=others), quiet(), resume=True, stop=StopRequest())
    with pytest.raises(ValueError, match=r"started with --seed 0, and not 1"):
        train(replace(run, seed=1), quiet(), resume=True, stop=StopRequest())


def test_the_last_few_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run", duration={"epochs": 8}, keep_checkpoints=2)
    train(run, quiet(), resume=False, stop=StopRequest())
    names = sorted(path.name for path in (run.folder / "checkpoints").iterdir())
    assert names == ["best.pt", "step-000000023.pt", "step-000000026.pt"]
    best = torch.load(run.folder / "checkpoints" / "best.pt", weights_only=True)
    rows = pd.read_csv(run.folder / "metrics.csv")
    assert best["step"] == rows["step"][rows["ema_top1"].argmax()]


def poison(monkeypatch: pytest.MonkeyPatch, steps: set[int]) -> None:
    """Make the network's output NaN in the training calls of these numbers."""
    calls = iter(range(10**6))
    forward = Network.forward

    def poisoned(self: Network, x: Tensor) -> Tensor:
        logits = forward(self, x)
        if self.training and next(calls) in steps:
            return logits * torch.nan
        return logits

    monkeypatch.setattr(Network, "forward", poisoned)


def test_a_step_that_is_not_finite_is_counted_and_not_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = toy_run(tmp_path / "run")
    poison(monkeypatch, {4, 6})  # the first two calls verify the batch size of each phase
    assert train(run, quiet(), resume=False, stop=StopRequest())
    summary = json.loads((run.folder / "summary.json").read_text())
    assert (summary["skipped_steps"], summary["rewinds"]) == (2, 0)
    assert all(bool(tensor.isfinite().all()) for tensor in weights(run.folder).values())


def test_too_many_such_steps_rewind_to_the_checkpoint_with_a_lower_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = {"patience": 1, "rate_factor": 0.25}
    run = toy_run(tmp_path / "run", non_finite=patient)
    poison(monkeypatch, {8, 9})
    spent: list[float] = []

    def noting(*inputs: Any) -> StepReport:
        report = take_step(*inputs)
        spent.append(report.seconds)
        return report

    monkeypatch.setattr("trainer.fit.loop.take_step", noting)
    assert train(run, quiet(), resume=False, stop=StopRequest())
    content, _ = CheckpointFolder(run.folder).load(torch.device("cpu"))
    assert content is not None
    assert content["state"]["counters"]["rewinds"] == 1
    assert content["state"]["counters"]["rate_scale"] == 0.25
    # The seconds of the steps before the rewind were spent, and stay in the total.
    rows = pd.read_csv(run.folder / "metrics.csv")
    assert rows["train_seconds"].is_monotonic_increasing
    summary = json.loads((run.folder / "summary.json").read_text())
    assert summary["train_seconds"] == rows["train_seconds"].iloc[-1]
    assert min(spent) > 0
    assert summary["train_seconds"] == pytest.approx(sum(spent))
    assert all(phase["images_per_sec"] > 0 for phase in summary["phases"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 1, "action": "stop"}, r"2 steps in a row.*lower learning_rate\.base"),
        ({"patience": 1, "max_rewinds": 2}, "after 2 rewinds"),
    ],
)
def test_a_training_that_remains_not_finite_stops_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: str
) -> None:
    poison(monkeypatch, set(range(1000)))
    with pytest.raises(DivergedError, match=message):
        train(
            toy_run(tmp_path / "run", non_finite=settings),
            quiet(),
            resume=False,
            stop=StopRequest(),
        )


def test_a_full_disk_stops_with_one_line_and_the_old_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopAfter(5))
    before = (run.folder / "checkpoint.pt").read_bytes()

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("trainer.tensor_file.write_atomic", full)
        with pytest.raises(OSError, match=r"No space left on device; .*checkpoint\.pt stays"):
            train(run, quiet(), resume=True, stop=StopRequest())
    assert (run.folder / "checkpoint.pt").read_bytes() == before
    assert train(run, quiet(), resume=True, stop=StopRequest())


def test_a_damaged_checkpoint_is_reported_and_an_older_one_used(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, quiet(), resume=False, stop=StopAfter(9))
    newest = run.folder / "checkpoint.pt"
    newest.unlink()  # the other hard link to the file is not damaged
    newest.write_bytes(b"cut short")
    display = quiet()
    assert train(run, display, resume=True, stop=StopRequest())
    told = display.console.file.getvalue()  # type: ignore[attr-defined]
    assert "checkpoint.pt: damaged" in told
    assert "resuming at step 9 of 13" in told


def test_a_checkpoint_that_does_not_fit_is_reported_and_an_older_one_used(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run", checkpoint_every={"steps": 4})
    train(run, quiet(), resume=False, stop=StopAfter(9))
    newest, *_ = sorted((run.folder / "checkpoints").glob("step-*.pt"), reverse=True)
    content = load_tensors(newest, torch.device("cpu"))
    network = content["state"]["network"]
    network[[*network][-1]] = torch.ones(99)
    for path in (newest, run.folder / "checkpoint.pt"):
        save_tensors(path, content, schema=content.pop("schema", "nas.checkpoint/1"))
    display = quiet()
    assert train(run, display, resume=True, stop=StopRequest())
    told = " ".join(display.console.file.getvalue().split())  # type: ignore[attr-defined]
    assert f"{newest.name}: the checkpoint does not fit" in told
    assert "an older checkpoint is used" in told
    assert "resuming at step 8 of 13" in told


def test_accumulated_batches_train_like_the_whole_batch(tmp_path: Path) -> None:
    # Nine images in batches of eighteen: both halves of a step hold every image once, so that
    # a half and the whole have the same batch statistics.
    plain = {
        "duration": {"steps": 3},
        "batch_size": 18,
        "phases": {"kind": "fixed", "last": {"image_size": 16}},
        "augment": {"crop": None, "flip": False},
        "survival_prob": 1.0,
        "learning_rate": {"base": 1.0, "schedule": "constant"},
    }
    for name, micro in (("whole", None), ("parts", 9)):
        run = replace(toy_run(tmp_path / name, **plain, micro_batch=micro), images=images(9))
        train(run, quiet(), resume=False, stop=StopRequest())
    one, two = (read_model(tmp_path / name / "model.pt").raw for name in ("whole", "parts"))
    learned = [name for name in one if name.endswith(("weight", "bias"))]
    assert one["classifier.bias"].abs().max() > 1e-3  # it has changed
    for name in learned:
        torch.testing.assert_close(one[name], two[name], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("micro", "noted"), [(8, False), (5, True)])
def test_few_images_for_batch_normalisation_are_noted(
    tmp_path: Path, micro: int, noted: bool
) -> None:
    display = quiet()
    run = toy_run(tmp_path / "run", micro_batch=micro)
    train(run, display, resume=False, stop=StopAfter(0))
    told = display.console.file.getvalue()  # type: ignore[attr-defined]
    assert ("batch normalisation sees 4 images at once" in told) == noted


def test_images_are_held_out_if_there_is_no_other_split(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    only = replace(run.images, splits={"train": run.images.splits["train"]})
    assert train(replace(run, images=only), quiet(), resume=False, stop=StopRequest())
    summary = json.loads((run.folder / "summary.json").read_text())
    assert (summary["evaluated_on"], summary["num_evaluated"]) == ("holdout", 5)


def test_a_compiled_training_has_one_graph_per_image_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []

    def counting(
        graph: torch.fx.GraphModule, inputs: list[Tensor], **_: object
    ) -> Callable[..., Any]:
        shapes.extend(tuple(x.shape) for x in inputs if x.ndim == 4 and x.shape[1] == 3)
        return graph.forward

    torch.compiler.reset()
    monkeypatch.setattr("trainer.fit.step.torch.compile", partial(torch.compile, backend=counting))
    run = replace(toy_run(tmp_path / "run", survival_prob=0.8), compiled=True)
    assert train(run, quiet(), resume=False, stop=StopRequest())
    images = [shape for shape in shapes if shape[0] == 16]
    assert images == [(16, 3, 8, 8), (16, 3, 16, 16)]
