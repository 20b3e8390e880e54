"""Whether the workers' shares of the host's memory suffice, before the search starts."""

from nas.settings.config import SearchConfig
from search_space.space import SearchSpace
from trainer.device.host_memory import WORKERS_PART, host_memory_bytes, worker_memory_bytes
from trainer.proxy.task import predict_proxy_memory

# Private memory of a worker that has loaded torch and this package: 184 MiB measured on Linux
# with torch 2.13 for CPUs, one run, by `own_memory_bytes`.
LOADED_BYTES = 184 * 2**20


def memory_note(config: SearchConfig, space: SearchSpace, num_classes: int) -> str:
    """Return a note if a worker's share of this host's memory is too small; else "".

    A worker needs at least what its libraries need and, on a CPU, the predicted memory of a
    training of the space's reference network, which every worker trains to compare step times.
    On a cluster the hosts differ, so there is no note.
    """
    if config.address is not None:
        return ""
    needed = LOADED_BYTES
    if config.gpus_per_worker == 0:
        needed += predict_proxy_memory(space.reference(), config.proxy, num_classes)
    given = config.worker_memory
    share = worker_memory_bytes(config.workers) if given is None else given.num_bytes
    if needed <= share:
        return ""
    fitting = int(WORKERS_PART * host_memory_bytes()) // needed
    if given is not None:
        advice = "a larger --worker-memory is needed"
    elif fitting >= 1:
        advice = f"--workers {fitting} leaves each enough"
    else:
        advice = "a smaller --batch-size or --image-size, or a machine with more memory, is needed"
    return (
        f"note: a worker needs {needed / 2**30:.2g} GiB or more to train the reference network, "
        f"and may hold {share / 2**30:.2g} GiB of this machine's memory; {advice}"
    )
