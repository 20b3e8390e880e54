"""Which images a step learns from: a function of the seed and the step, and of nothing else."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


class ImageOrder:
    """An endless row of epochs, each a permutation of all images, cut into batches.

    Step k learns from images [k, k + 1) x batch_size of the row, so every image comes once in
    each epoch, none is left out at an epoch's end, and every step has a whole batch. Several
    processes share a step: each takes its own equal part of the batch.

    Args:
        num_images: Images, >= 1.
        batch_size: Images per step over all processes.
        seed: Of the permutations, >= 0.
        rank: This process.
        world_size: Processes.

    Raises:
        ValueError: If the batch does not divide evenly among the processes, or there are no
            images.
    """

    def __init__(
        self, num_images: int, batch_size: int, *, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        if num_images < 1:
            raise ValueError(f"ImageOrder.num_images must be >= 1, got {num_images!r}")
        if batch_size < 1 or batch_size % world_size:
            raise ValueError(
                f"batch_size must be a multiple of the {world_size} workers, got {batch_size!r}"
            )
        if not 0 <= rank < world_size:
            raise ValueError(f"ImageOrder.rank must be in [0, {world_size}), got {rank!r}")
        self._num_images, self._batch_size, self._seed = num_images, batch_size, seed
        self._share = batch_size // world_size
        self._offset = rank * self._share
        self._permutations: dict[int, Indices] = {}

    @property
    def share(self) -> int:
        """Images of a step that this process learns from."""
        return self._share

    def positions(self, step: int) -> Indices:
        """Return (share,) positions of this process's images of `step`, 0-based."""
        start = step * self._batch_size + self._offset
        row = np.arange(start, start + self._share)
        epochs, places = np.divmod(row, self._num_images)
        # An epoch that lies behind is forgotten: what is kept is what a batch may touch.
        self._permutations = {
            int(epoch): self._permutation(int(epoch)) for epoch in np.unique(epochs)
        }
        positions = np.empty(self._share, dtype=np.int64)
        for epoch, permutation in self._permutations.items():
            inside = epochs == epoch
            positions[inside] = permutation[places[inside]]
        return positions

    def _permutation(self, epoch: int) -> Indices:
        known = self._permutations.get(epoch)
        if known is not None:
            return known
        return np.random.default_rng([self._seed, epoch]).permutation(self._num_images)


def seed_of(*numbers: int) -> int:
    """Mix whole numbers >= 0 into a seed of 63 bits, unlike those of other numbers."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
