"""Where the images of a cache come from: texts of any length in two arrays."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data.labels import Indices

ORIGINS, ORIGIN_ENDS = "origins", "origin_ends"  # names of the arrays' files


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Origins:
    """The file in the data set, or the row, of every image of a split.

    Attributes:
        text: (bytes,) uint8, all texts as UTF-8 without separators, memory-mapped.
        ends: (count,) int64, the end of each in `text`.
    """

    text: npt.NDArray[np.uint8]
    ends: Indices

    def __getitem__(self, index: int) -> str:
        """Return the origin of an image, such as ``train/cat/1.jpg``.

        Raises:
            IndexError: If there is no such image.
        """
        if not 0 <= index < len(self.ends):
            raise IndexError(f"Origins.index must be in [0, {len(self.ends)}), got {index!r}")
        start = 0 if index == 0 else self.ends[index - 1]
        encoded = self.text[start : self.ends[index]].tobytes()
        return encoded.decode(errors="surrogateescape")  # names of files are any bytes


def packed(origins: Iterable[str]) -> tuple[npt.NDArray[np.uint8], Indices]:
    """Return the arrays of `Origins`, in memory."""
    encoded = [origin.encode(errors="surrogateescape") for origin in origins]
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), np.cumsum(lengths, dtype=np.int64)
