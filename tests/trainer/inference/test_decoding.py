"""Decoding ahead: batches keep their order, unreadable pictures are left out, threads end."""

import threading
from pathlib import Path

import numpy as np
from PIL import Image

from tests.toys.images import encoded
from trainer.inference.decoding import decoded_batches
from trainer.inference.pictures import GivenPictures
from trainer.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(decoded_size=4, decoding=2)


def grey(level: int) -> Image.Image:
    return Image.new("RGB", (4, 4), (level,) * 3)


def given(*pictures: Image.Image | bytes | Path | None) -> GivenPictures:
    return GivenPictures(names=[str(i) for i in range(len(pictures))], pictures=pictures)


def test_batches_are_full_and_in_order_without_the_unreadable() -> None:
    bad = {1: b"", 4: encoded(grey(9))[:40], 6: None, 7: Path("no/such.png")}
    pictures = given(*(bad.get(i, grey(i)) for i in range(10)))
    faults: list[tuple[int, str]] = []
    batches = list(
        decoded_batches(
            pictures,
            PREPROCESSING,
            batch_size=2,
            on_unreadable=lambda position, reason: faults.append((position, reason)),
        )
    )
    assert [positions for _, positions in batches] == [[0, 2], [3, 5], [8, 9]]
    levels = [level for pixels, _ in batches for level in pixels[:, 0, 0, 0].tolist()]
    assert levels == [0, 2, 3, 5, 8, 9]
    assert [position for position, _ in faults] == [1, 4, 6, 7]
    reasons = [reason for _, reason in faults]
    assert reasons[0] == "it is empty (0 bytes)"
    assert reasons[1].startswith("damaged PNG file")
    assert reasons[2:] == ["there is no image", "there is no such file"]


def test_levels_are_scaled_from_the_depth_of_the_training_images() -> None:
    # 1000 reaches 10 bits; of 12 bits it is 1000 / 16. 8 bits stay.
    ten = Image.fromarray(np.full((4, 4), 1000, np.uint16))
    deep = Preprocessing(decoded_size=4, level_bits=12, decoding=2)
    ((pixels, _),) = decoded_batches(given(ten, grey(200)), deep, batch_size=2, on_unreadable=no)
    assert pixels[:, 0, 0, 0].tolist() == [62, 200]


def test_few_pictures_are_held_ahead_of_a_slow_reader() -> None:
    """A reader that stops does not let the threads decode a whole folder into memory."""
    read: list[int] = []

    class Counted(GivenPictures):
        def read(self, index: int) -> Image.Image:
            read.append(index)
            return grey(0)

    count = 3000
    names = [str(i) for i in range(count)]
    pictures = Counted(names=names, pictures=[None] * count)
    batches = decoded_batches(pictures, PREPROCESSING, batch_size=2, on_unreadable=no)
    next(batches)
    batches.close()
    assert len(read) < count / 2
    assert not any(thread.is_alive() for thread in threading.enumerate() if is_decoder(thread))


def is_decoder(thread: threading.Thread) -> bool:
    thread.join(10) if thread.name.startswith("nas-decode") else None
    return thread.name.startswith("nas-decode")


def no(position: int, reason: str) -> None:
    raise AssertionError(f"{position}: {reason}")
