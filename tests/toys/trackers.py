"""Fake libraries of trackers, which record the calls that they receive."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def install(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """Make ``import name`` give a module with these members."""
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None, origin="fake")
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


class Recorder:
    """An object whose methods append their name and arguments to `calls`."""

    def __init__(self, calls: list[tuple[str, Any]], **members: Any) -> None:
        self._calls = calls
        vars(self).update(members)

    def __getattr__(self, name: str) -> Any:
        def called(*args: Any, **options: Any) -> None:
            self._calls.append((name, (*args, options) if options else args))

        return called


class FakeMlflow:
    """A store of MLflow with one experiment: its runs, by identifier."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.experiments: list[str] = []

        class MissingError(Exception):
            error_code = "RESOURCE_DOES_NOT_EXIST"

        self._missing = MissingError
        install(monkeypatch, "mlflow", MlflowClient=lambda: self)
        install(monkeypatch, "mlflow.exceptions", MlflowException=MissingError)
        install(
            monkeypatch,
            "mlflow.entities",
            Metric=lambda name, value, time, step: (name, value, step),
            Param=lambda name, value: (name, value),
        )

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name) if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        self.experiments.append(name)
        return name

    def create_run(self, experiment: str, run_name: str) -> Any:
        key = f"id-{len(self.runs)}"
        self.runs[key] = {"name": run_name, "status": "RUNNING", "metrics": [], "params": []}
        return SimpleNamespace(info=SimpleNamespace(run_id=key))

    def update_run(self, key: str, status: str) -> None:
        if key not in self.runs:
            raise self._missing
        self.runs[key]["status"] = status

    def log_batch(self, key: str, metrics: Any = (), params: Any = ()) -> None:
        assert len(params) <= 100  # of MLflow's interface
        self.runs[key]["metrics"] += metrics
        self.runs[key]["params"] += params

    def set_terminated(self, key: str, status: str) -> None:
        self.runs[key]["status"] = status
