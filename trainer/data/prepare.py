"""Preparation of the data set of `--data`: finding, decoding once, verifying."""

import platform
import re
from dataclasses import replace
from pathlib import Path

from search_space.command_line.waiting import said_if_slow
from trainer.config import ReadingConfig
from trainer.data.cache.build import BuildTask
from trainer.data.cache.changes import decoded_by_other_version, describe
from trainer.data.cache.content_digest import content_digest, stat_fingerprint
from trainer.data.cache.folder import MEMOS, cache_damage, cache_root, locked, rebuild
from trainer.data.cache.images import DECODING_VERSION, CachedImages, cache_name, open_cache
from trainer.data.progress import DecodingProgress
from trainer.data.sources.folder import folder_source
from trainer.data.sources.groups import refuse_group_column
from trainer.data.sources.labels_file import tables_source
from trainer.data.sources.parquet_files import parquet_files
from trainer.data.sources.source import Source
from trainer.data.sources.table_layout import labels_tables
from trainer.data.sources.wrapping import ARCHIVES, unwrapped

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
    reading: ReadingConfig = ReadingConfig(),  # noqa: B008 (it is frozen)
    *,
    cache_dir: Path | None = None,
    on_progress: DecodingProgress | None = None,
) -> CachedImages:
    """Return the decoded images of `data`; decode them first if there is no cache.

    The name of the cache folder depends on the content: a moved data set uses the same cache,
    and a changed one gets another. The folder is complete or absent; a damaged one is replaced.
    Two processes that prepare the same data set wait for each other.

    Args:
        data: The value of `--data`; an error lists the possible values.
        image_size: Side of the square images, pixels, >= 8.
        reading: How the images are found and made square.
        cache_dir: Folder of all caches; the default is the environment variable NAS_CACHE_DIR,
            or ~/.cache/nas.
        on_progress: Receives the progress of reading the files, and then of decoding the images.

    Raises:
        ValueError: If the data set is invalid; one line that names the file, row or class.
        OSError: If a file cannot be read or written, or the disk is full.
    """
    if image_size < SMALLEST_IMAGE:
        raise ValueError(f"--image-size must be >= {SMALLEST_IMAGE} pixels, got {image_size!r}")
    report = on_progress or (lambda *_: None)
    root = cache_root(cache_dir)
    with said_if_slow(f"looking for the images of --data {data}"):
        source = find_source(data, root, reading)
        seen = stat_fingerprint(source)
    digest = content_digest(source, seen, memo_folder=root / MEMOS, on_progress=report)
    decoding = DECODING_VERSION if source.files else 1
    folder = root / cache_name(digest, image_size, reading, decoding)
    with locked(root / f".{folder.name}.lock"):
        with said_if_slow(f"checking the decoded images in {folder}"):
            damage = cache_damage(folder)
        if damage is not None:
            plain = re.sub(r"[^\w.-]+", "_", source.name)[:60]
            task = BuildTask(
                source=source,
                content=digest,
                image_size=image_size,
                reading=reading,
                damaged_list=root / f"damaged-{plain}-{folder.name[-8:]}.txt",
            )
            rebuild(task, folder, fingerprint=seen, on_progress=report)
    images = open_cache(folder)
    return replace(images, notes=(*source.notes, *images.notes))


def open_or_prepare(
    path: Path, data: str, image_size: int, reading: ReadingConfig
) -> CachedImages:
    """Return the decoded images at `path`; a host without this folder prepares its own copy.

    `path` is the cache folder of the host on which the command runs; other arguments and errors
    are those of `prepare`.

    Raises:
        ValueError: Also if the data set of this host has another content.
    """
    try:
        return open_cache(path)
    except FileNotFoundError:
        images = prepare(data, image_size, reading)
    if images.path.name == path.name:  # it is a digest of the content
        return images
    node = platform.node()
    if decoded_by_other_version(images, reading, path.name):
        raise ValueError(
            f"{node} has another version of this program than the machine where the command "
            "runs, and decodes images to other pixels; install the same version"
        )
    raise ValueError(
        f"--data {data} holds other images on {node} than where the command runs: "
        f"{describe(images)} here; copy the same files to {node}, or use a folder that both share"
    )


def find_source(data: str, root: Path, reading: ReadingConfig) -> Source:
    """Return the source that `data` names; `root` is the folder of all caches.

    A folder that contains nothing but the folder of a data set stands for that. Only the name of
    a hub data set uses the network.

    Raises:
        ValueError: If `data` names no data set, or the folder has not the layout of one.
        OSError: If the data set cannot be read.
    """
    # The imports are local: the libraries behind them take seconds to import.
    path = Path(data).expanduser()
    if not data.strip():  # Path("") is the current folder, which is not what an empty value means
        raise ValueError(f"--data must not be empty; it takes {DATA_TAKES}")
    if data in ("digits", "digits-scenes"):
        from trainer.data.sources.digits import digits_source, scenes_source

        refuse_group_column(data, reading.group_column)
        return digits_source() if data == "digits" else scenes_source()
    if path.is_dir():
        return _in_folder(path, reading)
    if path.is_file() and path.suffix == ".parquet":
        from trainer.data.sources.huggingface import parquet_source

        return parquet_source(path, reading)
    if path.exists():
        raise ValueError(
            f"{path} is neither a folder nor a parquet file"
            f"{' (unpack it first)' if path.name.lower().endswith(ARCHIVES) else ''}; --data "
            f"takes {DATA_TAKES}"
        )
    if HUB_NAME.fullmatch(data) and not path.parent.exists():
        from trainer.data.sources.huggingface import hub_source

        return hub_source(data, root / "hub", reading)
    raise ValueError(f"{data!r} does not exist; --data takes {DATA_TAKES}")


def _in_folder(root: Path, reading: ReadingConfig) -> Source:
    """Return the source in a folder; errors are those of `find_source`."""
    inner = root if parquet_files(root) else unwrapped(root)
    if parquet_files(inner):
        from trainer.data.sources.huggingface import parquet_source

        source: Source = parquet_source(inner, reading)
    elif tables := labels_tables(inner):
        source = tables_source(inner, tables, reading)
    else:
        refuse_group_column(str(inner), reading.group_column)
        source = folder_source(inner, strict=reading.strict)
    note = () if inner == root else (f"the data set is in {inner}",)
    return replace(source, notes=(*note, *source.notes))
