"""The note on workers whose share of the host's memory is too small."""

import pytest

from nas.evaluation import memory_need
from nas.evaluation.memory_need import memory_note
from nas.units import MemorySize
from tests.nas.nas_records import CONFIG, TINY

MIB = 2**20


@pytest.fixture(autouse=True)
def _needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker needs 184 MiB for its libraries and 328 MiB for the reference: 0.5 GiB."""
    monkeypatch.setattr(memory_need, "predict_proxy_memory", lambda *_: 328 * MIB)


@pytest.mark.parametrize(
    ("host_mib", "workers", "said"),
    [
        (2048, 2, ""),  # 0.85 * 2048 / 2 = 870 MiB each
        (1024, 2, "may hold 0.42 GiB of this machine's memory; --workers 1 leaves each enough"),
        (512, 1, "a smaller --batch-size or --image-size, or a machine with more memory"),
    ],
)
def test_it_says_what_fits(
    monkeypatch: pytest.MonkeyPatch, host_mib: int, workers: int, said: str
) -> None:
    monkeypatch.setattr("trainer.device.host_memory.host_memory_bytes", lambda: host_mib * MIB)
    monkeypatch.setattr(memory_need, "host_memory_bytes", lambda: host_mib * MIB)
    monkeypatch.setattr("trainer.device.host_memory.available_cpus", lambda: 2)
    config = CONFIG.model_copy(
        update={"workers": workers, "worker_memory": None, "gpus_per_worker": 0.0, "address": None}
    )
    note = memory_note(config, TINY, 10)
    assert said in note
    assert bool(note) is bool(said)
    assert not note or "needs 0.5 GiB or more" in note
    assert memory_note(config.model_copy(update={"address": "auto"}), TINY, 10) == ""


def test_a_given_share_counts() -> None:
    update = {"worker_memory": MemorySize.parse("100MB"), "gpus_per_worker": 0.0, "address": None}
    assert "a larger --worker-memory is needed" in memory_note(
        CONFIG.model_copy(update=update), TINY, 10
    )
