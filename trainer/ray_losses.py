"""Hears from Ray Train's controller when workers are lost, and passes it on."""

from typing import Any

import ray
from ray.train import UserCallback


class LossTeller(UserCallback):  # type: ignore[misc]
    """Puts every loss of workers into the mailbox."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Tell the first of them: the others often died of it."""
        del run_context
        rank, error = min(worker_exceptions.items())
        ray.get(self._mailbox.post.remote([("lost", (f"worker {rank}: {error}",))]))
