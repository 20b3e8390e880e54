"""Several processes: the same steps as one, equal states, one evaluation."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from tests.toys.process_group import together, train_together
from tests.toys.training import toy_run
from trainer.fit.evaluation import evaluate_images, evaluation_batches
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.model_file import read_model
from trainer.run.display import NoDisplay
from trainer.run.train import train
from trainer.stop_signals import StopRequest

# Short, and with plain SGD, so that rounding errors stay small.
EXACT: dict[str, Any] = {
    "duration": {"epochs": 8},
    "optimizer": {"name": "sgd"},
    "learning_rate": {"base": 1.6, "warmup": {"steps": 3}},
}


def alone(request: TrainRequest) -> None:
    train(request, NoDisplay(), resume=False, stop=StopRequest())


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.run.results.plot_training", lambda *_: None)


def tensors(state: Any, place: str = "") -> dict[str, Tensor]:
    """Return all tensors of a nested state by path."""
    if isinstance(state, Tensor):
        return {place: state}
    if not isinstance(state, dict | list | tuple):
        return {}
    items = state.items() if isinstance(state, dict) else enumerate(state)
    found: dict[str, Tensor] = {}
    for name, value in items:
        found |= tensors(value, f"{place}.{name}")
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_have_the_loss_curve_of_one_with_two_parts_per_step(
    tmp_path: Path,
) -> None:
    one = toy_run(tmp_path / "one", **EXACT, micro_batch=8, evaluate_every={"steps": 1})
    two = toy_run(tmp_path / "two", **EXACT, evaluate_every={"steps": 1})
    alone(one)
    together(2, train_together, two, None)
    curves = [pd.read_csv(run.folder / "metrics.csv") for run in (one, two)]
    # The parts have the same images and augmentation; only the order of additions differs.
    one_loss, two_loss = (curve["train_loss"].to_numpy() for curve in curves)
    assert np.abs(one_loss - two_loss).max() < 2e-4, np.abs(one_loss - two_loss)
    assert one_loss[-5:].mean() < 0.95 * one_loss[:5].mean()  # it learned
    models = [read_model(run.folder / "model.pt").raw for run in (one, two)]
    for name in (name for name in models[0] if name.endswith(("weight", "bias"))):
        torch.testing.assert_close(models[0][name], models[1][name], atol=1e-3, rtol=1e-2)
    # Every process has the same state, bit by bit.
    states = [torch.load(tmp_path / f"two-{rank}.pt", weights_only=True) for rank in (0, 1)]
    first, second = (tensors(state) for state in states)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert states[0]["counters"] == states[1]["counters"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_stop_at_the_same_step_and_resume_to_the_same_bits(tmp_path: Path) -> None:
    whole, parts = toy_run(tmp_path / "whole"), toy_run(tmp_path / "parts")
    together(2, train_together, whole, None)
    together(2, train_together, parts, 5)
    steps = [torch.load(tmp_path / f"parts-{rank}.pt")["counters"]["step"] for rank in (0, 1)]
    assert steps == [5, 5]
    assert not (parts.folder / "model.pt").exists()
    together(2, train_together, parts, None)
    one, other = (read_model(run.folder / "model.pt") for run in (whole, parts))
    for place in ("raw", "ema"):
        before, after = getattr(one, place), getattr(other, place)
        assert all(torch.equal(before[name], after[name]) for name in before)


def evaluate_together(processes: Processes, folder: Path) -> None:
    """Evaluate 31 images, which two processes cannot share equally, and a single one."""
    from trainer.fit.state import new_state

    request = toy_run(folder)
    state = new_state(request)
    told: dict[str, Any] = {}
    for count in (31, 1):
        split = request.split
        chosen = split.evaluation.repeat(2)[:count]
        batches = evaluation_batches(
            split.evaluation_images, chosen, processes, image_size=16, crop=1.0
        )
        found = evaluate_images(state.network, batches, processes, "fp32")
        told[str(count)] = asdict(found)
    name = f"evaluated-{processes.rank}-of-{processes.size}.json"
    (folder.parent / name).write_text(json.dumps(told))


def gradients_together(processes: Processes, folder: Path) -> None:
    """Compute a gradient without batch statistics; each process has its own images."""
    from torch.nn.functional import cross_entropy

    from search_space.network import build_network
    from tests.toys.training import architecture

    torch.manual_seed(3)
    network = build_network(architecture(), 3).eval().double()
    network.requires_grad_(True)
    batch = torch.randn(8, 3, 16, 16, dtype=torch.float64)
    labels = torch.arange(8) % 3
    share = slice(processes.rank * 8 // processes.size, (processes.rank + 1) * 8 // processes.size)
    trained = processes.data_parallel(network)
    cross_entropy(trained(batch[share]), labels[share]).backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    torch.save(gradients, folder / f"gradients-{processes.rank}-of-{processes.size}.pt")


def collect_together(processes: Processes, folder: Path) -> None:
    assert processes.gather(10 + processes.rank) == (10, 11)
    assert processes.any(processes.rank == 1)
    assert not processes.any(False)
    tensors = [torch.full((2, 3), float(processes.rank)), torch.tensor([4.0 * processes.rank])]
    processes.average(tensors)
    assert torch.equal(tensors[0], torch.full((2, 3), 0.5))
    assert torch.equal(tensors[1], torch.tensor([2.0]))
    evaluate_together(processes, folder / "run")
    gradients_together(processes, folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_results_of_two_processes_equal_those_of_one(tmp_path: Path) -> None:
    together(2, collect_together, tmp_path)
    alone = Processes()
    evaluate_together(alone, tmp_path / "run")
    gradients_together(alone, tmp_path)
    one, first, second = (
        json.loads((tmp_path / f"evaluated-{name}.json").read_text())
        for name in ("0-of-1", "0-of-2", "1-of-2")
    )
    assert first == second
    assert one["31"]["num_images"] == 31
    for count, found in one.items():
        assert first[count] == pytest.approx(found, abs=1e-6)
    one, first, second = (
        torch.load(tmp_path / f"gradients-{name}.pt") for name in ("0-of-1", "0-of-2", "1-of-2")
    )
    for name, gradient in one.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], gradient, atol=1e-12, rtol=1e-9)
