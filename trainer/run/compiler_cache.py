"""The files of torch.compile: a private folder for each process of a training."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from trainer.machine.temporary_folder import COMPILER, temporary_folder

VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


@contextmanager
def own_compiler_cache() -> Iterator[None]:
    """Let torch.compile write to a private folder in the block, which is removed after it.

    By default all trainings share a folder in /tmp. If one is killed while the compiler writes, it
    holds a library that is cut short, and the next training dies when it loads that. A folder
    that the user has chosen, in the environment variable of torch, is used.

    Raises:
        OSError: If the folder cannot be made.
    """
    if VARIABLE in os.environ:
        yield
        return
    with temporary_folder(COMPILER) as folder:
        os.environ[VARIABLE] = str(folder)
        try:
            yield
        finally:
            del os.environ[VARIABLE]


def of_compiler(error: BaseException) -> bool:
    """Return whether torch.compile raised the error, such as that its compiler was killed."""
    return type(error).__module__.startswith(("torch._inductor", "torch._dynamo"))
