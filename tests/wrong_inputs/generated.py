"""Generator of command lines and files that every command must refuse.

Each `WrongInput` is wrong in one place; the rest of it is valid.
"""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from search_space.architecture_file import ArchitectureFile
from search_space.space import SearchSpace
from tests.toys.model import toy_model
from tests.wrong_inputs.values import (
    BASE,
    CONTRADICTIONS,
    NOT_A_NUMBER,
    NOT_WHOLE,
    NUMBER_FLAGS,
    TEXT_FLAGS,
    WHOLE_FLAGS,
    FlagValues,
)
from trainer.model_file import save_model

RECIPE = {
    "duration": {"steps": 1},
    "batch_size": 8,
    "phases": {"kind": "fixed", "last": {"image_size": 24}},
    "optimizer": {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0},
    "learning_rate": {"base": 0.1, "schedule": "constant", "warmup": {"steps": 0}},
    "augment": {"crop": None},
}
# Values that no setting of a file may have, whatever its type.
WRONG_VALUES: tuple[Any, ...] = (-7, "x", [], {"a": {"b": 1}}, float("nan"), 10**400, [[1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongInput:
    """A command line that must be refused.

    Attributes:
        name: Name of the test.
        command: The command.
        words: Its arguments, with the names of files in braces.
        content: Content of the file ``{file}``, if an argument names it.
    """

    name: str
    command: str
    words: tuple[str, ...]
    content: str = ""


def wrong_inputs() -> Iterator[WrongInput]:
    """Yield the inputs, always the same ones."""
    yield from _wrong_values(WHOLE_FLAGS, NOT_WHOLE)
    yield from _wrong_values(NUMBER_FLAGS, NOT_A_NUMBER)
    yield from _wrong_values(TEXT_FLAGS, ())
    for command, lines in CONTRADICTIONS.items():
        for line in lines:
            yield _input(command, line, line.split())
    rng = np.random.default_rng(0)
    files: tuple[tuple[str, str, dict[str, Any], Callable[[Any], str]], ...] = (
        ("nas-train", "--arch", _architecture(), json.dumps),
        ("nas-scale", "--from", _architecture(), json.dumps),
        ("nas-train", "--recipe", RECIPE, yaml.safe_dump),
        ("nas-search", "--space", _space(), yaml.safe_dump),
        ("nas-search", "--config", {"proxy": {"epochs": 3}, "seed": 1}, yaml.safe_dump),
    )
    for command, flag, valid, dump in files:
        for number in range(12):
            change, damaged = _damaged(valid, rng, number)
            name = f"{command} {flag} {change}"
            path = "{file}.yaml" if dump is yaml.safe_dump else "{file}"
            yield _input(command, name, (flag, path), content=dump(damaged))


def write_files(folder: Path) -> dict[str, str]:
    """Write the files that the arguments name, and return their paths by name."""
    colours = np.random.default_rng(0)
    for name, classes in (("photos", "ab"), ("one_class", "a"), ("damaged", "ab")):
        for class_name in classes:
            (folder / name / class_name).mkdir(parents=True)
            for number in range(12):
                pixels = colours.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / name / class_name / f"{number}.png")
    first = folder / "damaged" / "a" / "0.png"
    first.write_bytes(first.read_bytes()[:60])
    (folder / "labels_without_files").mkdir()
    (folder / "labels_without_files" / "labels.csv").write_text("file,labels\na.png,x\nb.png,y\n")
    (folder / "empty").mkdir()
    (folder / "out").mkdir()
    (folder / "text").write_text("these are\nsome words\n")
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    (folder / "arch").write_text(json.dumps(_architecture()))
    (folder / "table").with_suffix(".csv").write_text("label,size\ncat,3\n")
    save_model(folder / "model", toy_model(class_names=("a", "b", "c")))
    made = ("photos", "one_class", "damaged", "labels_without_files", "empty", "out", "text")
    paths = {name: str(folder / name) for name in (*made, "binary", "arch", "missing", "file")}
    further = {"model": "model", "photo": "photos/a/0.png", "table": "table.csv"}
    return paths | {name: str(folder / place) for name, place in further.items()}


def _wrong_values(flags: FlagValues, always: Sequence[str]) -> Iterator[WrongInput]:
    for command, of_command in flags.items():
        for number, (flag, wrong) in enumerate(of_command.items()):
            # Every flag gets two of the values that are wrong for all.
            shared = [always[(2 * number + i) % len(always)] for i in range(2)] if always else []
            for value in (*wrong, *shared):
                yield _input(command, f"{command} {flag} {value!r}", (f"{flag}={value}",))


def _input(command: str, name: str, words: Sequence[str], *, content: str = "") -> WrongInput:
    base = BASE[command].split()
    replaced = {word.split("=")[0] for word in words}
    kept = [
        word
        for i, word in enumerate(base)
        if word not in replaced and not (i and base[i - 1] in replaced)
    ]
    return WrongInput(name=name, command=command, words=(*kept, *words), content=content)


def _damaged(
    valid: dict[str, Any], rng: np.random.Generator, number: int
) -> tuple[str, dict[str, Any]]:
    """Return a description of the damage and a copy of `valid` with it."""
    data = copy.deepcopy(valid)
    places = list(_places(data))
    inner, key = places[int(rng.integers(len(places)))]
    wrong = WRONG_VALUES[number % len(WRONG_VALUES)]
    if wrong == "x" and "name" in (key, next(iter(data))):
        wrong = -7  # any text is a name
    match number % 3:
        case 0:
            inner[key] = wrong
            return f"{key} is {str(wrong)[:20]}", data
        case 1:
            target = inner if isinstance(inner, dict) else data
            target["epoch"] = 3
            return f"unknown key beside {key}", data
        case _:
            data[next(iter(data))] = wrong
            return f"first key is {str(wrong)[:20]}", data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every mapping or list inside `data`, with each of its keys or positions."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield data, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _architecture() -> dict[str, Any]:
    file = ArchitectureFile(
        architecture=SearchSpace.load("tiny").reference(), name="a", train_size=24, eval_size=24
    )
    return file.to_dict()


def _space() -> dict[str, Any]:
    from importlib import resources

    text = (resources.files("search_space.spaces") / "tiny.yaml").read_text(encoding="utf-8")
    space: dict[str, Any] = yaml.safe_load(text)
    return space
