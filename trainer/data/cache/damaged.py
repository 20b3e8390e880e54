"""The list of a data set's damaged images, and whether they may be left out."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from trainer.data.cache.images import CACHE
from trainer.data.labels import Indices

DAMAGED = "damaged.txt"


class DamagedImages:
    """Writes each damaged image to a list, which is made with the first of them.

    Args:
        path: The list, a line for each image.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._first = ""
        self._counts: Counter[str] = Counter()

    def add(self, split: str, faults: Sequence[str]) -> None:
        """Add images of a split; each fault is the image's place and the reason.

        Raises:
            OSError: If the list cannot be written.
        """
        if not faults:
            return
        if self._file is None:
            self._first = faults[0]
            self._file = self._path.open("w", encoding="utf-8", errors="surrogateescape")
        lines = (fault.replace("\r", "\\r").replace("\n", "\\n") for fault in faults)
        self._file.writelines(f"{line}\n" for line in lines)
        self._counts[split] += len(faults)

    def close(self) -> None:
        """Complete the list."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def require_few(self, totals: Mapping[str, int], *, share: float, moved_to: Path) -> None:
        """Check that no more than `share` of the images of any split are damaged.

        `totals` are the numbers of images by split. If the check fails, the list is moved.

        Raises:
            ValueError: If more are damaged; the message names the first and the list.
            OSError: If the list cannot be moved.
        """
        shares = {name: count / totals[name] for name, count in self._counts.items()}
        if all(damaged <= share for damaged in shares.values()):
            return
        self._path.replace(moved_to)
        needed = math.ceil(max(shares.values()) * 1000) / 1000
        hint = f"; --skip-damaged {needed:g} leaves them out" if needed < 1 else ""
        raise ValueError(
            f"{self._counts.total()} of {sum(totals.values())} images cannot be decoded, first: "
            f"{self._first}; {moved_to} lists all of them{hint}"
        )

    def require_classes(
        self, labels: Indices, class_names: Sequence[str], *, moved_to: Path
    ) -> None:
        """Check that every class has one of the training images that are left.

        `labels` are theirs, (count,) or (count, k) int64. If the check fails, the list is moved.

        Raises:
            ValueError: If a class has none.
            OSError: If the list cannot be moved.
        """
        if not self._counts:
            return
        found = np.zeros(len(class_names) + 1, dtype=np.bool_)  # the last is for the padding, -1
        found[labels] = True
        if not found[:-1].all():
            self._path.replace(moved_to)
            raise ValueError(
                f"all training images of class {class_names[int(found.argmin())]!r} are damaged; "
                f"{moved_to} lists all damaged images"
            )

    def notes(self, totals: Mapping[str, int]) -> list[str]:
        """Return a note on the images that were left out, with `totals` as above."""
        if not self._counts:
            return []
        some = ", ".join(
            f"{count} of {totals[name]} {'training' if name == 'train' else name} images"
            for name, count in self._counts.items()
        )
        return [f"left out because they are damaged: {some}; {CACHE}/{DAMAGED} lists them"]
