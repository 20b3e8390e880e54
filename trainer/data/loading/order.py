"""The order of the training images, as a function of the seed and the step."""

import numpy as np

from search_space.checks import require
from trainer.data.labels import Indices


class ImageOrder:
    """An endless sequence of epochs, each a permutation of all images, divided into batches.

    Step k uses the images [k, k + 1) x batch_size of the sequence, so every image comes once in
    each epoch, no image is skipped at the end of an epoch, and every batch is complete. Several
    processes take equal parts of each batch.

    Args:
        num_images: Number of images, >= 1.
        batch_size: Images per step in all processes.
        seed: Seed of the permutations, >= 0.
        rank: Rank of this process.
        world_size: Number of processes.

    Attributes:
        share: Images per step of this process.

    Raises:
        ValueError: If an argument is out of range, or the batch size is not a multiple of the
            number of processes.
    """

    def __init__(
        self, num_images: int, batch_size: int, *, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        require(num_images >= 1, "ImageOrder.num_images", ">= 1", num_images)
        divides = batch_size >= 1 and batch_size % world_size == 0
        require(divides, "batch_size", f"a multiple of the {world_size} workers", batch_size)
        require(0 <= rank < world_size, "ImageOrder.rank", f"in [0, {world_size})", rank)
        self._num_images, self._batch_size, self._seed = num_images, batch_size, seed
        self.share = batch_size // world_size
        self._offset = rank * self.share
        self._permutations: dict[int, Indices] = {}

    def positions(self, step: int) -> Indices:
        """Return the positions (share,), int64, of this process's images of `step`, 0-based."""
        start = step * self._batch_size + self._offset
        row = np.arange(start, start + self.share)
        epochs, places = np.divmod(row, self._num_images)
        used = np.unique(epochs).tolist()  # the permutations of other epochs are not kept
        self._permutations = {epoch: self._permutation(epoch) for epoch in used}
        positions = np.empty(self.share, dtype=np.int64)
        for epoch, permutation in self._permutations.items():
            inside = epochs == epoch
            positions[inside] = permutation[places[inside]]
        return positions

    def _permutation(self, epoch: int) -> Indices:
        if epoch in self._permutations:
            return self._permutations[epoch]
        return np.random.default_rng([self._seed, epoch]).permutation(self._num_images)


def seed_of(*numbers: int, spawn_key: tuple[int, ...] = ()) -> int:
    """Hash whole numbers >= 0 to a seed of 63 bits; `spawn_key` as in NumPy's SeedSequence."""
    sequence = np.random.SeedSequence(numbers, spawn_key=spawn_key)
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
