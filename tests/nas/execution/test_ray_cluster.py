"""A search on an existing Ray cluster, here of nodes on this machine."""

import argparse
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas.candidate import Record
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.execution.ray_actors import run_with_actors
from nas.samplers import sampler_factory
from nas.settings.defaults import complete_config
from nas.settings.flags import given_settings
from tests.nas.drivers import Driver, assert_whole, told, wait_until
from tests.toys.observer import ToyObserver
from tests.toys.search import slow_evaluator
from tests.toys.space import ToySpace
from tests.toys.workers import make_with_threads, make_with_threads_slowly
from trainer.cluster.ray_connection import START_S, cluster_workers
from trainer.cluster.ray_private import StartingProcesses, node_start_timeout
from trainer.cluster.ray_session import ray_session

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster whose head has one CPU, to which tests add nodes."""
    from ray.cluster_utils import Cluster

    # Below /tmp because the path of a unix socket is short.
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
        node_start_timeout(START_S, StartingProcesses()),
    ):
        patch.setenv("RAY_TMPDIR", folder)
        Path(folder, "ray").mkdir()
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        yield cluster
        cluster.shutdown()


def test_a_search_joins_a_cluster_and_uses_its_nodes(cluster: Any, tmp_path: Path) -> None:
    quiet_optuna()
    cluster.add_node(num_cpus=1)
    assert cluster_workers(cluster.address, None) == (2, 0.0)
    given = given_settings(argparse.Namespace(config=None, address=cluster.address, budget=20))
    assert complete_config(given).workers == 2  # of the cluster, not of the driver's machine
    with (
        Ledger(tmp_path / "ledger.jsonl", {}) as ledger,
        ray_session(workers=2, address=cluster.address) as session,
    ):
        engine = Engine(ToySpace(), sampler_factory("random", seed=0), ledger, budget=20)
        results = ResultFiles(folder=tmp_path, run_id=ledger.run_id)
        seen: list[Record] = []
        queue = Dispatcher(engine, results, observer=ToyObserver(seen.append))
        run_with_actors(queue, session, make_with_threads)
    assert engine.counts.complete == 20
    assert tuple(seen) == engine.records()
    assert session.folder is None
    assert session.note == ""


def test_more_than_the_cluster_has_waits_and_nothing_at_all_is_refused(cluster: Any) -> None:
    with ray_session(workers=3, address=cluster.address) as session:
        assert session.note.endswith(
            "has room for 1 of 3 workers (1 CPUs, 0 GPUs); the others start when a node joins"
        )
    wanted = r"has room for 0 workers of 1 CPU and 0\.5 GPUs"
    with (
        pytest.raises(ValueError, match=wanted),
        ray_session(workers=1, gpus_per_worker=0.5, address=cluster.address),
    ):
        pass


def test_what_a_killed_node_was_at_is_done_elsewhere_and_once(
    cluster: Any, tmp_path: Path
) -> None:
    quiet_optuna()
    node = cluster.add_node(num_cpus=1)
    results_folder = tmp_path / "results"
    results_folder.mkdir()
    with (
        Ledger(tmp_path / "ledger.jsonl", {}) as ledger,
        ray_session(workers=2, address=cluster.address) as session,
    ):
        engine = Engine(ToySpace(), sampler_factory("evolution", seed=0), ledger, budget=16)

        def on_told(record: Record) -> None:
            if engine.counts.finished == 4:
                cluster.remove_node(node, allow_graceful=False)

        results = ResultFiles(folder=results_folder, run_id=ledger.run_id)
        make = slow_evaluator(tmp_path, 0.5)
        queue = Dispatcher(engine, results, observer=ToyObserver(on_told))
        run_with_actors(queue, session, make)
    assert_whole(tmp_path, budget=16)
    assert len(cluster.list_all_nodes()) == 1


def test_a_node_that_joins_is_put_to_work(cluster: Any, tmp_path: Path) -> None:
    quiet_optuna()
    workers: Counter[str] = Counter()
    with (
        Ledger(tmp_path / "ledger.jsonl", {}) as ledger,
        ray_session(workers=2, address=cluster.address) as session,
    ):
        engine = Engine(ToySpace(), sampler_factory("random", seed=0), ledger, budget=1200)

        def on_told(record: Record) -> None:
            workers[record.outcome.worker] += 1
            if engine.counts.finished == 3:
                assert len(workers) == 1
                cluster.add_node(num_cpus=1)
            if len(workers) == 2 and min(workers.values()) > 2:
                os.kill(os.getpid(), signal.SIGINT)  # a new node takes SIGTERM for itself

        results = ResultFiles(folder=tmp_path, run_id=ledger.run_id)
        queue = Dispatcher(engine, results, observer=ToyObserver(on_told))
        stopped = run_with_actors(queue, session, make_with_threads_slowly)
    assert stopped is signal.SIGINT  # by us, when both had worked, and not by the budget
    assert len(workers) == 2


@pytest.mark.parametrize("executor", ["actors", "tune"])
def test_a_killed_driver_goes_on_on_the_same_cluster(
    cluster: Any, tmp_path: Path, executor: str
) -> None:
    cluster.add_node(num_cpus=1)
    flags = ("--address", cluster.address, "--executor", executor, "--budget", "12")
    for finished in (2, 5):
        driver = Driver(tmp_path, *flags, "--seconds", "0.7")
        wait_until(lambda finished=finished: told(tmp_path) >= finished)  # type: ignore[misc]
        driver.kill()
    assert Driver(tmp_path, *flags, "--seconds", "0.7").output().endswith("stopped by None\n")
    assert_whole(tmp_path, budget=12, cut_short=1)


def test_an_address_where_no_ray_answers_is_said_at_once() -> None:
    with (
        pytest.raises(OSError, match=r"no Ray cluster answers at '127\.0\.0\.1:1'"),
        ray_session(workers=1, address="127.0.0.1:1"),
    ):
        pass
