"""Finds the image that a cell of a table means."""

import os
import unicodedata
from errno import ENAMETOOLONG
from pathlib import Path, PurePosixPath

from trainer.data.sources.entries import is_junk, is_picture
from trainer.data.sources.split_names import split_of


class ImageIndex:
    """The images below a folder by their names, which are listed when the first is not found."""

    def __init__(self, root: Path) -> None:
        """Take the folder; nothing is read yet."""
        self._root = root
        self._by_name: dict[str, list[PurePosixPath]] | None = None

    def find(self, cell: str, base: Path, split: str) -> Path | None:
        """Return the file that a cell means, or None if there is none.

        It is the path relative to `base`; or else the image below the folder whose path ends like
        the cell, without regard to case and the coding of accents, with either kind of slash, with
        or without suffix. Of several, it is the one in a folder of the row's split.

        Raises:
            ValueError: If several images are meant equally.
        """
        try:
            if (base / cell).is_file():  # a FIFO is not a file
                return base / cell
        except OSError as error:
            if error.errno != ENAMETOOLONG:
                raise
        if self._by_name is None:
            self._by_name = self._listed()
        wanted = [_plain(part) for part in PurePosixPath(cell.replace("\\", "/")).parts]
        if not wanted:
            return None
        meant = [
            path
            for path in self._by_name.get(wanted[-1], [])
            if [_plain(part) for part in path.parts[-len(wanted) : -1]] == wanted[:-1]
        ]
        in_split = [path for path in meant if any(_split_in(part) == split for part in path.parts)]
        meant = in_split or meant
        if len(meant) > 1:
            raise ValueError(f"{cell!r} may be {meant[0]} or {meant[1]}")
        return self._root / meant[0] if meant else None

    def _listed(self) -> dict[str, list[PurePosixPath]]:
        """Return the paths relative to the folder by their last part, with and without suffix."""
        found: dict[str, list[PurePosixPath]] = {}
        for place, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not is_junk(name))
            for name in sorted(names):
                if is_picture(name) and not is_junk(name):
                    path = PurePosixPath((Path(place) / name).relative_to(self._root).as_posix())
                    for key in {_plain(name), _plain(path.stem)}:
                        found.setdefault(key, []).append(path)
        return found


def _plain(part: str) -> str:
    """Return a name without regard to case; macOS writes accents as separate characters."""
    return unicodedata.normalize("NFC", part).casefold()


def _split_in(part: str) -> str | None:
    """Return the split that the name of a folder begins with, such as that of train_images."""
    word = part.replace("-", "_").replace(" ", "_").split("_")[0]
    return split_of(word)
