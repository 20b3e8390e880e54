"""Malformed addresses, and a Ray that starts slowly or not at all."""

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from ray._private import services

from trainer.cluster import ray_connection
from trainer.cluster.ray_connection import connected, joined
from trainer.cluster.ray_session import UNUSABLE, without


@pytest.mark.parametrize("address", ["host:abc", "host:", ":6379", "host:99999", "127.0.0.1:-1"])
def test_a_malformed_address_is_refused_by_name(address: str) -> None:
    with (
        pytest.raises(ValueError, match=f"must be host:port or auto.*'{address}'"),
        joined(address),
    ):
        pass


def fake_ray(init: Any) -> Any:
    return SimpleNamespace(init=init, shutdown=lambda: None)


def test_a_node_that_starts_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[object] = [RuntimeError("no such node"), RuntimeError("no such node"), "node"]

    def get_node(*args: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    monkeypatch.setattr(services, "get_node", get_node)
    found: list[object] = []

    def init(**options: object) -> None:
        found.append(services.get_node("address", "id"))

    with connected(fake_ray(init), {}):
        assert found == ["node"]
    assert services.get_node is get_node


def test_a_ray_that_never_starts_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "START_S", 0.0)

    def init(**options: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because")

    with pytest.raises(OSError, match="is this machine overloaded"), connected(fake_ray(init), {}):
        pass


def test_a_ray_that_starts_takes_no_signal_for_itself() -> None:
    """Its handlers of SIGTERM would end the process without a line."""
    from ray._private import utils

    before = signal.getsignal(signal.SIGTERM)

    def init(**options: object) -> None:
        utils.set_sigterm_handler(lambda number, frame: None)

    with connected(fake_ray(init), {}):
        assert signal.getsignal(signal.SIGTERM) is before


def test_a_ray_starts_without_variables_that_its_processes_cannot_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    with without(UNUSABLE):
        assert "PYTHONOPTIMIZE" not in os.environ
    assert os.environ["PYTHONOPTIMIZE"] == "2"
    monkeypatch.delenv("PYTHONOPTIMIZE")
    with without(UNUSABLE):
        pass
    assert "PYTHONOPTIMIZE" not in os.environ


def test_another_failure_of_ray_keeps_its_type() -> None:
    def init(**options: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), connected(fake_ray(init), {}):
        pass
