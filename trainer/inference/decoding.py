"""Pictures as the input of a network: decoded in threads ahead of it, as in an evaluation."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.data.cache.content_digest import num_threads
from trainer.data.cache.decode import decode, decoding_warnings
from trainer.data.cache.depth import at_depth
from trainer.data.pictures.encoded import UndecodableError
from trainer.inference.pictures import Pictures
from trainer.preprocessing import Preprocessing

AHEAD_BYTES = 2**28  # of decoded pixels that wait for the network

Pixels = npt.NDArray[np.uint8]
# Receives the position of a picture that cannot be read, and the reason.
OnUnreadable = Callable[[int, str], None]


def decoded_batches(
    pictures: Pictures,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    on_unreadable: OnUnreadable,
) -> Generator[tuple[Tensor, list[int]], None, None]:
    """Yield batches of decoded pictures in their order; close it to end its threads.

    Pixel for pixel they are what a cache of decoded images holds, see
    `trainer.data.cache.build`.

    Args:
        pictures: The pictures.
        preprocessing: How they are decoded.
        batch_size: Largest number of pictures in a batch; unreadable ones do not count.
        on_unreadable: Called for each picture that cannot be read, which is left out.

    Yields:
        Squares (batch, side, side, 3), uint8, on the CPU, and their positions in `pictures`.
    """
    pixels: list[Pixels] = []
    positions: list[int] = []
    ahead = 2 * max(batch_size, num_threads())
    ahead = max(num_threads(), min(ahead, AHEAD_BYTES // (3 * preprocessing.decoded_size**2)))
    with decoding_warnings(), ThreadPoolExecutor(num_threads(), "nas-decode") as pool:
        try:
            pending: deque[Future[Pixels]] = deque()
            submitted = 0
            for position in range(len(pictures)):
                while submitted < len(pictures) and len(pending) <= ahead:
                    pending.append(pool.submit(_decoded, pictures, submitted, preprocessing))
                    submitted += 1
                try:
                    pixels.append(pending.popleft().result())
                    positions.append(position)
                except UndecodableError as error:
                    on_unreadable(position, str(error))
                if len(pixels) == batch_size:
                    yield torch.from_numpy(np.stack(pixels)), positions
                    pixels, positions = [], []
            if pixels:
                yield torch.from_numpy(np.stack(pixels)), positions
        finally:  # after an error or an interrupt the pending pictures are not needed
            pool.shutdown(wait=False, cancel_futures=True)


def network_inputs(
    decoded: Iterable[tuple[Tensor, list[int]]],
    preprocessing: Preprocessing,
    image_size: int,
    device: torch.device,
) -> Iterator[tuple[Tensor, list[int]]]:
    """Yield the network's inputs for decoded batches, bit for bit those of an evaluation.

    Args:
        decoded: As of `decoded_batches`.
        preprocessing: How decoded squares become the input.
        image_size: Side of the input, pixels.
        device: Device of the input.

    Yields:
        (batch, 3, image_size, image_size), float32 in [-1, 1], channels_last on the device; and
        the positions.
    """
    for pixels, positions in decoded:
        host = pixels.pin_memory() if device.type == "cuda" else pixels
        moved = host.to(device, non_blocking=True).permute(0, 3, 1, 2)
        yield preprocessing.network_input(moved, image_size), positions


def _decoded(pictures: Pictures, position: int, preprocessing: Preprocessing) -> Pixels:
    raw = pictures.read(position)
    decoded = decode(raw, preprocessing.decoded_size, fit=preprocessing.fit)
    return at_depth(decoded, preprocessing.level_bits)
