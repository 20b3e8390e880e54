"""Content of folders: which files are pictures, and which are ignored."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from search_space.counted import counted

IMAGE_NAME = re.compile(
    r".*\.(avif|bmp|gif|j2[ck]|jfif|jp[2efx]|jpe?g|p[bgnp]m|png|tiff?|webp)", re.I | re.S
)
HEIF_NAME = re.compile(r".*\.(hei[cf]s?|hif)", re.I | re.S)
# Photographs in formats that are not read. They are an error: leaving them out loses data.
UNREAD_PHOTOS = {
    "JPEG XL": ("jxl",),
    "DICOM": ("dcm", "dicom"),
    "a camera's raw format": (
        *("arw", "cr2", "cr3", "crw", "dng", "nef", "nrw", "orf", "pef", "raf", "rw2", "srw"),
    ),
}
# Files and folders of file managers, network drives, notebooks and archives, which are ignored
# like hidden files.
JUNK = frozenset(
    {
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "folder.jpg.ini"),
        *("__macosx", "icon\r", "network trash folder", "temporary items"),
        *(
            "@eadir",
            "@recycle",
            "@recently-snapshot",
            "@sharebin",
            "@tmp",
            "#recycle",
            "#snapshot",
        ),
        *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000"),
        *("lost+found", "__pycache__", "picasa.ini", "zbthumbnail.info", "sthumb"),
    }
)
# Windows keeps the origin of a download in a second stream, and Synology more of a file, which
# other systems show as files.
JUNK_SUFFIXES = (":zone.identifier", "@synoeastream", "@synoresource")
# Of files that a browser, a download tool or a cloud drive has not fetched yet.
UNFINISHED = (
    *(".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".incomplete"),
    *(".aria2", ".tmp", ".icloud"),
)


def entries(folder: Path) -> Iterator[Path]:
    """Yield the content of `folder`, sorted by name, without hidden and junk files.

    Raises:
        OSError: If the folder cannot be read.
    """
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not is_junk(path.name):
            yield path


def is_junk(name: str) -> bool:
    """Return whether a file or folder of this name is ignored without a word."""
    lower = name.lower()
    if lower.endswith(".icloud"):  # .photo.jpg.icloud stands for a file that is not here
        return False
    return name.startswith(".") or lower in JUNK or lower.endswith(JUNK_SUFFIXES)


def unfinished_note(names: Sequence[str]) -> str | None:
    """Return a sentence about those of the names that are of unfinished downloads, or None."""
    found = [name for name in names if name.lower().endswith(UNFINISHED)]
    if not found:
        return None
    verb = "seems" if len(found) == 1 else "seem"
    return (
        f"{counted(len(found), 'file')} {verb} to be of an unfinished download, so images may be "
        f"missing: {first_ones(found)}"
    )


def is_picture(name: str) -> bool:
    """Return whether a file of this name is read as a picture; HEIC only with pillow-heif."""
    if IMAGE_NAME.fullmatch(name):
        return True
    return bool(HEIF_NAME.fullmatch(name)) and find_spec("pillow_heif") is not None


def check_photo(path: Path) -> None:
    """Raise if `path` is named like a photograph in a format that is not read.

    Raises:
        ValueError: If so; the message says what to do.
    """
    if reason := unread_photo(path.name):
        raise ValueError(f"{path} {reason}")


def unread_photo(name: str) -> str | None:
    """Return why a photograph of this name is not read and what to do; None for other files."""
    if HEIF_NAME.fullmatch(name) and not is_picture(name):
        return (
            "is a HEIC photo, which is not read; convert such files to JPEG, or "
            "pip install 'training-aware-nas[heif]'"
        )
    suffix = Path(name).suffix.lower().removeprefix(".")
    for kind, suffixes in UNREAD_PHOTOS.items():
        if suffix in suffixes:
            return f"is in {kind}, which is not read; convert such files to JPEG or PNG"
    return None


@dataclass(slots=True)
class OtherFiles:
    """Files among the pictures that are no pictures.

    Attributes:
        strict: Whether the first is an error.
        paths: Those that were found.
    """

    strict: bool
    paths: list[Path] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Take a file that is passed over.

        Raises:
            ValueError: If it is a photograph in a format that is not read; or with `strict`.
        """
        check_photo(path)
        if self.strict:
            raise ValueError(f"{path} is no image; --strict allows only images in class folders")
        self.paths.append(path)

    def notes(self, root: Path) -> tuple[str, ...]:
        """Return sentences with the numbers of files and the first ones, relative to `root`."""
        if not self.paths:
            return ()
        shown = [str(path.relative_to(root)) for path in self.paths]
        others = [name for name in shown if not name.lower().endswith(UNFINISHED)]
        verb = "is no image and is" if len(others) == 1 else "are no images and are"
        ignored = (
            f"{counted(len(others), 'file')} among the images {verb} ignored: {first_ones(others)}"
        )
        return tuple(filter(None, (unfinished_note(shown), ignored if others else None)))


def first_ones(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many others there are."""
    others = len(names) - most
    listed = ", ".join(names[:most])
    return f"{listed} and {others:,} more" if others > 0 else listed
