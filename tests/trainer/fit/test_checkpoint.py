"""Checkpoints with damaged keys: an older one is used; if all are damaged, the error says so."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from tests.toys.training import StopAfter, toy_run
from trainer.fit.checkpoint import SCHEMA, CheckpointFolder
from trainer.fit.state import new_state
from trainer.run.display import ConsoleDisplay
from trainer.run.train import train
from trainer.tensor_file import load_tensors, save_tensors

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the checkpoint of a toy training after a few steps."""
    run = toy_run(tmp_path_factory.mktemp("runs") / "run")
    train(run, ConsoleDisplay(Console(file=io.StringIO())), resume=False, stop=StopAfter(2))
    return load_tensors(run.folder / "checkpoint.pt", CPU, schema=SCHEMA)


def changed(content: dict[str, Any], *place: str, value: object = None) -> dict[str, Any]:
    """Return `content` with another value at a place, or without it."""
    inner = dict(content)
    if len(place) > 1:
        inner[place[0]] = changed(content[place[0]], *place[1:], value=value)
    elif value is None:
        del inner[place[0]]
    else:
        inner[place[0]] = value
    return inner


def test_a_checkpoint_names_its_classes(content: dict[str, Any]) -> None:
    assert content["class_names"] == ["rows", "columns", "none"]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("step",), None, "step must be a whole number"),
        (("step",), "2", "step must be a whole number"),
        (("state",), None, "state must be a dict, got NoneType"),
        (("state",), [1], "state must be a dict, got list"),
        (("state", "optimizer"), None, "state: optimizer must be a dict"),
        (("state", "counters"), 3, "state: counters must be a dict"),
        (("identity",), None, "identity must be a dict"),
        (("accumulation",), ["a"], "accumulation must be a list of int"),
        (("class_names",), "cat", "class_names must be a list of str"),
        (("workers",), 0, "workers must be a whole number >= 1"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_for_an_older_one(
    tmp_path: Path, content: dict[str, Any], place: tuple[str, ...], value: object, message: str
) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save({**content, "step": 1}, step=1)
    damaged = changed(content, *place, value=value)
    save_tensors(tmp_path / "checkpoint.pt", damaged, schema=SCHEMA)
    found, notes = folder.load(CPU)
    assert found is not None
    assert found["step"] == 1
    assert len(notes) == 1
    assert notes[0].startswith(f"{tmp_path / 'checkpoint.pt'}: damaged checkpoint: {message}")


def test_only_damaged_checkpoints_are_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    run = toy_run(tmp_path / "run")
    train(run, ConsoleDisplay(Console(file=io.StringIO())), resume=False, stop=StopAfter(1))
    for path in (run.folder / "checkpoint.pt", *run.folder.glob("checkpoints/*.pt")):
        path.write_bytes(path.read_bytes()[:-100])
    for resume in (True, False):
        with pytest.raises(ValueError, match=r"no checkpoint can be read .* another --name") as e:
            train(run, ConsoleDisplay(Console()), resume=resume, stop=StopAfter(1))
        assert "\n" not in str(e.value)


def test_a_resume_without_a_checkpoint_says_that_it_starts(tmp_path: Path) -> None:
    shown = io.StringIO()
    display = ConsoleDisplay(Console(file=shown, width=500))
    train(toy_run(tmp_path / "run"), display, resume=True, stop=StopAfter(0))
    assert "run holds no checkpoint: the training starts at step 0" in shown.getvalue()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("network", "stem.conv.weight"), None),
        (("network", "stem.conv.weight"), torch.ones(3)),
        (("average", "n_averaged"), None),
        (("optimizer", "state"), None),
        (("optimizer", "state"), {0: {"mean_square": torch.ones(2)}}),
        (("optimizer", "param_groups"), []),
        (("counters", "step"), None),
        (("counters", "step"), "two"),
        (("bn_eps",), "small"),
        (("input_shift",), [1.0, 0.0]),
    ],
)
def test_a_state_that_does_not_fit_is_one_line(
    tmp_path: Path, content: dict[str, Any], place: tuple[str, ...], value: object
) -> None:
    state = new_state(toy_run(tmp_path / "run"))
    with pytest.raises(ValueError, match="does not fit this training") as error:
        state.load_state_dict(changed(content["state"], *place, value=value))
    assert "\n" not in str(error.value)


def test_epsilon_and_input_shift_are_part_of_the_state(tmp_path: Path) -> None:
    one, other = (new_state(toy_run(tmp_path / "run")) for _ in range(2))
    one.set_conventions(1e-5, [0.5, 0.25, -0.125])
    other.load_state_dict(one.state_dict())
    for network in (other.network, other.averaged):
        assert network.bn_eps == 1e-5
        assert network.input_shift is not None
        assert network.input_shift.flatten().tolist() == [0.5, 0.25, -0.125]
    before = one.state_dict()
    del before["bn_eps"], before["input_shift"]  # of the version before
    other.load_state_dict(before)
    assert (other.averaged.bn_eps, other.averaged.input_shift) == (1e-3, None)
