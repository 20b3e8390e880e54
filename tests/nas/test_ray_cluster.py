"""A search on a cluster that somebody else started, here of two nodes on this machine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.candidate import Record
from nas.engine import Engine
from nas.ledger import Ledger
from nas.ray_session import ray_session
from nas.ray_workers import run_with_actors
from nas.results import Results
from nas.samplers import sampler_factory
from nas.study import quiet_optuna
from tests.toy_space import ToySpace
from tests.toy_workers import make_with_threads

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    # Below /tmp because the path of a unix socket is short.
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_TMPDIR", folder)
        Path(folder, "ray").mkdir()
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        cluster.add_node(num_cpus=1)
        yield cluster.address
        cluster.shutdown()


def test_a_search_joins_a_cluster_and_uses_its_nodes(address: str, tmp_path: Path) -> None:
    quiet_optuna()
    with (
        Ledger(tmp_path / "ledger.jsonl", {}) as ledger,
        ray_session(workers=2, address=address) as session,
    ):
        engine = Engine(ToySpace(), sampler_factory("random", seed=0), ledger, budget=20)
        results = Results(folder=tmp_path, run_id=ledger.run_id)
        seen: list[Record] = []
        run_with_actors(engine, session, make_with_threads, results=results, on_told=seen.append)
    assert engine.counts.complete == 20
    assert tuple(seen) == engine.records()
    assert session.folder is None


def test_more_than_the_cluster_has_is_refused_with_what_there_is(address: str) -> None:
    wanted = r"the cluster at \S+ has room for 2 workers of 1 CPU and 0 GPUs \(2 CPUs, 0 GPUs\)"
    with pytest.raises(ValueError, match=wanted), ray_session(workers=3, address=address):
        pass
    wanted = r"has room for 0 workers of 1 CPU and 0\.5 GPUs"
    with (
        pytest.raises(ValueError, match=wanted),
        ray_session(workers=1, gpus_per_worker=0.5, address=address),
    ):
        pass


def test_an_address_where_no_ray_answers_is_said_at_once() -> None:
    with (
        pytest.raises(OSError, match=r"no Ray cluster answers at '127\.0\.0\.1:1'"),
        ray_session(workers=1, address="127.0.0.1:1"),
    ):
        pass
