"""A run's step time table: when it is needed, rejected or kept."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from nas.costs.constraint import Constraint
from nas.evaluation import step_time_table as search_table
from nas.evaluation.step_time_table import needs_table, table_of_run
from nas.settings.config import SearchConfig
from search_space.space import SearchSpace
from tests.toys.step_table import TINY, made_table
from trainer.config import ProxyConfig
from trainer.data.cache.images import CachedImages
from trainer.step_table.build import table_conditions
from trainer.step_table.table import StepTable, load_step_table, save_step_table


@dataclass(frozen=True)
class _Images:
    """As much of the images as a table asks for."""

    num_classes: int = 10
    path: Path = Path("nowhere")


IMAGES = cast(CachedImages, _Images())


def config(*constraints: str, table: str | None = None, **proxy: Any) -> SearchConfig:
    return SearchConfig(
        constraints=tuple(map(Constraint.parse, constraints)),
        step_time_table=table,
        proxy=ProxyConfig(image_size=24, **proxy),
    )


def fitting_table(**changes: object) -> StepTable:
    """Return a table made under the conditions of `config` here."""
    settings = search_table.step_settings(config(), 10)
    conditions = table_conditions(TINY, 24, settings)
    content = made_table().to_dict()
    content["conditions"] = {**content["conditions"], **vars_of(conditions), **changes}
    return StepTable.from_dict(content)


def vars_of(conditions: Any) -> dict[str, object]:
    return {name: getattr(conditions, name) for name in type(conditions).__dataclass_fields__}


def table_for(run: SearchConfig, folder: Path) -> StepTable | None:
    return table_of_run(run, TINY, IMAGES, folder, Console(quiet=True))


@pytest.mark.parametrize(
    ("run", "needed"),
    [
        (config(), False),
        (config("params < 1M", "memory < 1GB"), False),
        (config("step_time < 1.2"), True),
        (config("step_time < 40ms"), True),
        (config(table="auto"), True),
    ],
)
def test_a_limit_on_step_time_or_the_flag_asks_for_a_table(
    run: SearchConfig, needed: bool
) -> None:
    assert needs_table(run) is needed


def test_without_need_nothing_is_made(tmp_path: Path) -> None:
    assert table_for(config(), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_a_run_makes_its_table_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[SearchSpace] = []

    def build(space: SearchSpace, *_: object, **__: object) -> StepTable:
        built.append(space)
        return fitting_table()

    monkeypatch.setattr(search_table, "build_step_table", build)
    monkeypatch.setattr(search_table, "memory_share_bytes", lambda *_: None)
    first = table_for(config("step_time < 1.2"), tmp_path)
    again = table_for(config("step_time < 1.2"), tmp_path)
    assert first == again == load_step_table(tmp_path / "step_times.json")
    assert built == [TINY]


def test_a_given_table_is_copied_into_the_run(tmp_path: Path) -> None:
    given, folder = tmp_path / "given.json", tmp_path / "run"
    folder.mkdir()
    save_step_table(given, fitting_table())
    run = config(table=str(given))
    assert table_for(run, folder) == fitting_table()
    assert json.loads((folder / "step_times.json").read_text()) == json.loads(given.read_text())
    save_step_table(given, StepTable.from_dict({**fitting_table().to_dict(), "seconds": 61.0}))
    with pytest.raises(ValueError, match="is not the table that this run has"):
        table_for(run, folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"device": "another processor"}, "device 'another processor' and not"),
        ({"torch_version": "2.0"}, "torch_version '2.0' and not"),
        ({"batch_size": 4}, "batch_size 4 and not 128"),
        ({"image_size": 96}, "image_size 96 and not 24"),
        ({"precision": "bf16"}, "precision 'bf16' and not 'fp32'"),
        ({"num_classes": 7}, "num_classes 7 and not 10"),
        ({"space_content": "0"}, "space_content '0' and not"),
    ],
)
def test_a_table_of_other_conditions_is_refused_with_what_makes_the_right_one(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    given = tmp_path / "given.json"
    save_step_table(given, fitting_table(**change))
    with pytest.raises(ValueError, match="does not fit this search") as caught:
        table_for(config(table=str(given)), tmp_path)
    message = str(caught.value)
    assert complaint in message
    assert (
        "nas-time --space tiny --image-size 24 --batch-size 128 --num-classes 10 "
        "--optimizer sgd --precision fp32 --table step_times.json"
    ) in message
    assert not (tmp_path / "step_times.json").exists()


def test_workers_with_gpus_that_are_not_here_need_a_table_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    run = config("step_time < 1.2").model_copy(update={"gpus_per_worker": 1.0})
    with pytest.raises(ValueError, match="there is no GPU here; make one there with: nas-time"):
        table_for(run, tmp_path)
    given = tmp_path / "given.json"
    save_step_table(given, fitting_table(device="a GPU"))
    assert table_for(run.model_copy(update={"step_time_table": str(given)}), tmp_path) is not None
