"""A Ray that starts slowly, not at all, or cannot be joined."""

import os
import resource
import signal
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from ray._private import services

from trainer.cluster import ray_connection
from trainer.cluster.ray_connection import connected
from trainer.cluster.ray_session import UNUSABLE, require_file_size, without


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


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_process_of_ray_that_ends_while_it_starts_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Ray asks for its node until the end of its patience, here of this project's two minutes."""

    def start_process(command: list[str], process_type: str, **options: object) -> Any:
        process = subprocess.Popen(command)
        process.wait()
        return SimpleNamespace(process=process)

    def get_node(*args: object) -> object:
        raise RuntimeError("no such node")

    monkeypatch.setattr(services, "start_ray_process", start_process)
    monkeypatch.setattr(services, "get_node", get_node)

    def init(**options: object) -> None:
        services.start_ray_process(["true"], name, fate_share=True)
        services.get_node("address", "id")

    message = f"Ray's {name} ended while it started: .*ulimit -a"
    with pytest.raises(OSError, match=message), connected(fake_ray(init), {"address": "local"}):
        pass
    assert services.start_ray_process is start_process


def test_a_gcs_that_ray_misses_itself_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    process = SimpleNamespace(poll=lambda: -9)
    monkeypatch.setattr(
        services, "start_ray_process", lambda *args: SimpleNamespace(process=process)
    )

    def init(**options: object) -> None:
        services.start_ray_process([], "gcs_server")
        raise RuntimeError("Failed to start GCS.  Last 0 lines of error files:")

    with pytest.raises(OSError, match="Ray's gcs_server ended"), connected(fake_ray(init), {}):
        pass


def test_another_process_of_ray_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as its dashboard, without which it works."""
    process = SimpleNamespace(poll=lambda: 1)
    monkeypatch.setattr(
        services, "start_ray_process", lambda *args: SimpleNamespace(process=process)
    )
    monkeypatch.setattr(services, "get_node", lambda *args: "node")

    def init(**options: object) -> None:
        services.start_ray_process([], "dashboard")
        assert services.get_node("address", "id") == "node"

    with connected(fake_ray(init), {}):
        pass


def test_a_ray_that_starts_takes_no_signal_for_itself() -> None:
    """Its handlers of SIGTERM would end the process without a line."""
    from ray._private import utils

    before = signal.getsignal(signal.SIGTERM)

    def init(**options: object) -> None:
        utils.set_sigterm_handler(lambda number, frame: None)

    with connected(fake_ray(init), {}):
        assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("limit", [2**20, 256 * 2**20 - 1])
def test_a_limit_on_the_size_of_files_is_named(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda number: (limit, limit))
    with pytest.raises(OSError, match=r"ulimit -f.*Ray needs 256 MiB"):
        require_file_size()


def test_no_limit_on_the_size_of_files_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (resource.RLIM_INFINITY, 256 * 2**20):
        monkeypatch.setattr("resource.getrlimit", lambda number, limit=limit: (limit, limit))
        require_file_size()


def test_processes_of_ray_do_not_get_signals_to_the_group_of_the_command() -> None:
    """``timeout`` signals the whole group, and a search without its Ray cannot save."""
    groups: list[int] = []

    def init(**options: object) -> None:
        with services.ConsolePopen(["sleep", "60"]) as process:
            groups.append(os.getpgid(process.pid))
            process.kill()

    with connected(fake_ray(init), {}):
        pass
    assert groups
    assert groups[0] != os.getpgid(0)


def test_ray_does_not_get_the_command_line() -> None:
    """It would show passwords, and cannot represent bytes that are not UTF-8."""
    from ray._private import utils

    before = utils.get_entrypoint_name()
    assert before != "training-aware-nas"
    names: list[str] = []
    with connected(fake_ray(lambda **options: names.append(utils.get_entrypoint_name())), {}):
        assert names == ["training-aware-nas"]
    assert utils.get_entrypoint_name() == before


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


def test_lines_of_ray_while_it_starts_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    def init(**options: object) -> None:
        os.write(2, b"[2026-12-01 15:51:02 W 19695] gcs_client.cc:210: Failed to get cluster ID\n")

    with connected(fake_ray(init), {}):
        os.write(2, b"later\n")
    assert capfd.readouterr().err == "later\n"


def test_another_failure_of_ray_keeps_its_type() -> None:
    def init(**options: object) -> None:
        raise ZeroDivisionError

    options = {"address": "local"}
    with pytest.raises(ZeroDivisionError), connected(fake_ray(init), options):
        pass


def test_a_cluster_that_refuses_this_ray_is_an_os_error() -> None:
    def init(**options: object) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.9.0")

    options = {"address": "host:6379"}
    message = "could not join the Ray cluster at 'host:6379': Version mismatch"
    with pytest.raises(OSError, match=message), connected(fake_ray(init), options):
        pass
