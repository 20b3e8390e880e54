"""From what `--data` says to decoded images: found, decoded once, verified."""

import hashlib
import re
from pathlib import Path

from trainer.data.cache.content_digest import Progress, content_digest, stat_fingerprint
from trainer.data.cache.folder import cache_damage, cache_root, locked, rebuild
from trainer.data.cache.images import FORMAT_VERSION, CachedImages, open_cache
from trainer.data.sources.folder import folder_source, parquet_files
from trainer.data.sources.labels_file import LABELS_FILE, labels_file_source
from trainer.data.sources.source import Source

DATA_TAKES = (
    "digits-scenes, digits, a folder of class folders (in train/ and val/ or test/, or without "
    "splits), a folder with a labels.csv, a folder of train-*.parquet and test-*.parquet files "
    "or one parquet file, or the name of a Hugging Face data set, owner/name"
)
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
SMALLEST_IMAGE = 8


def prepare(
    data: str,
    image_size: int,
    *,
    cache_dir: Path | None = None,
    on_progress: Progress | None = None,
) -> CachedImages:
    """Return the decoded images of `data`, decoding them now unless that was done before.

    The cache folder is named by the content, so it is reused wherever the data lies and made
    anew when a file changes. It appears complete or not at all; a damaged one is replaced.
    Two processes that want the same one wait for each other.

    Args:
        data: What `--data` says; an error lists what it takes.
        image_size: Side of the square images, pixels, >= 8.
        cache_dir: Where caches live; else the environment's NAS_CACHE_DIR, else ~/.cache/nas.
        on_progress: Called with a count and its total; twice over from 0: for the files that
            are looked through, and for the images that are decoded.

    Raises:
        ValueError: If the data is at fault; one line that names the file, row or class.
        OSError: If something cannot be read or written, or the disk is full.
    """
    if image_size < SMALLEST_IMAGE:
        raise ValueError(f"image_size must be >= {SMALLEST_IMAGE} pixels, got {image_size!r}")
    report = on_progress or _silent
    root = cache_root(cache_dir)
    source = find_source(data, root)
    seen = stat_fingerprint(source)
    digest = content_digest(source, seen, memo_folder=root / "sources", on_progress=report)
    name = f"{digest}/{image_size}/{FORMAT_VERSION}"
    folder = root / f"{image_size}px-{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    with locked(root / f".{folder.name}.lock"):
        if cache_damage(folder) is not None:
            rebuild(source, folder, image_size=image_size, fingerprint=seen, on_progress=report)
    return open_cache(folder)


def find_source(data: str, root: Path) -> Source:
    """Find out which kind of data `data` names. Only a hub name touches the network.

    Raises:
        ValueError: If it is none, or the folder is not laid out as a data set.
        OSError: If it cannot be read.
    """
    # Each kind is imported when it is asked for: the libraries behind them cost seconds.
    path = Path(data).expanduser()
    if not data.strip():  # Path("") is the current folder, which nobody means
        raise ValueError(f"--data must not be empty; it takes {DATA_TAKES}")
    if data in ("digits", "digits-scenes"):
        from trainer.data.sources.digits import digits_source, scenes_source

        return digits_source() if data == "digits" else scenes_source()
    if path.is_dir():
        if not parquet_files(path):
            by_table = (path / LABELS_FILE).is_file()
            return labels_file_source(path) if by_table else folder_source(path)
    elif path.is_file() and path.suffix == ".parquet":
        pass
    elif path.exists():
        raise ValueError(
            f"{path} is neither a folder nor a parquet file; --data takes {DATA_TAKES}"
        )
    elif HUB_NAME.fullmatch(data) and not path.parent.exists():
        from trainer.data.sources.huggingface import hub_source

        return hub_source(data, root / "hub")
    else:
        raise ValueError(f"{data!r} does not exist; --data takes {DATA_TAKES}")
    from trainer.data.sources.huggingface import parquet_source

    return parquet_source(path)


def _silent(done: int, total: int) -> None:
    """Take progress and show nothing."""
