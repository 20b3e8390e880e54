"""What a command found, in aligned lines, before it begins to work."""

from pathlib import Path

from trainer.data.cache.images import CachedImages

NAME_WIDTH = 9  # characters

Row = tuple[str, str]  # a name, and what is found


def aligned(*rows: Row) -> list[str]:
    """Return one line for each row; what is found begins in one column, also in later calls."""
    return [f"{name:{NAME_WIDTH}}  {found}" for name, found in rows]


def image_rows(images: CachedImages) -> list[Row]:
    """Return the rows of the data set and of its decoded images on disk."""
    total = sum(len(split) for split in images.splits.values())
    what = f"{total:,} of {images.num_classes:,} classes, {images.native_size} px (median)"
    return [
        ("images", f"{images.name}: {what}"),
        (
            "decoded",
            f"at {images.image_size} px, {_size(folder_bytes(images.path))} in {images.path}",
        ),
    ]


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder; 0 if it does not exist."""
    if not folder.is_dir():
        return 0
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
