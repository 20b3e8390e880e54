"""Number of CPU threads of torch."""

import torch

from trainer.machine.cpus import available_cpus

MAX_THREADS = 1024  # OpenMP ends the process without a message if it cannot start as many


def num_threads(given: int | None) -> int:
    """Return the CPU threads of a command: as `given`, or at most the CPUs that it can use.

    By default torch starts a thread for each core, also where a CPU quota allows fewer.
    """
    return given or min(torch.get_num_threads(), available_cpus())
