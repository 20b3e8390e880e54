"""Ray's private names: the version they were written for, and that they exist."""

import inspect
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest
import ray
from ray.core.generated.common_pb2 import JobConfig

import nas
import trainer
from trainer.cluster import ray_private


def test_it_was_written_for_the_installed_ray() -> None:
    assert ray.__version__.startswith(f"{ray_private.RAY_VERSION}."), (
        "check trainer/cluster/ray_private.py against this version of Ray"
    )


@pytest.mark.parametrize(("module", "name"), ray_private.PRIVATE_NAMES)
def test_every_private_name_exists_and_is_used(module: str, name: str) -> None:
    attrgetter(name)(import_module(module))
    source = inspect.getsource(ray_private)
    assert source.count(name.rpartition(".")[2]) > 1


def test_ray_init_has_the_private_option() -> None:
    source = inspect.getsource(inspect.unwrap(ray.init))
    assert f'kwargs.pop("{ray_private.TEMPORARY_FOLDER_OPTION}"' in source


def test_workers_get_no_folder_of_the_driver_but_that_of_the_packages() -> None:
    configuration = ray_private.own_modules_only()
    getattr(configuration, ray_private.WORKER_PATH_ATTRIBUTE).extend(["/of/the/user"])  # as Ray
    message = JobConfig.FromString(configuration._serialize())
    assert list(message.py_driver_sys_path) == [str(Path(*trainer.__path__).resolve().parent)]


def test_packages_that_are_installed_are_not_put_first(monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(Path(*trainer.__path__).resolve().parent)
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"purelib": root})
    message = JobConfig.FromString(ray_private.own_modules_only()._serialize())
    assert list(message.py_driver_sys_path) == []


def test_no_other_file_uses_the_private_api() -> None:
    files = [
        path
        for package in (nas, trainer)
        for path in Path(*package.__path__).rglob("*.py")
        if "ray._private" in path.read_text(encoding="utf-8")
    ]
    assert [path.name for path in files] == ["ray_private.py"]
