"""What a data set's content is called, so that an unchanged one is not decoded again."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from search_space.atomic_file import write_atomic
from trainer.data.sources.source import Source, SourceFile

Progress = Callable[[int, int], None]

FILES_AT_ONCE = 512
BLOCK_BYTES = 64 * 2**20


def num_threads() -> int:
    """Return how many threads decode or hash: one a core, within reason."""
    return min(32, os.cpu_count() or 1)


def content_digest(
    source: Source, fingerprint: str, *, memo_folder: Path, on_progress: Progress
) -> str:
    """Return the SHA-256 of the content, from a memo where no file was touched since.

    Two levels: a fingerprint of names, sizes and times costs one look at each file and names
    the memo; only where there is none are the files read. So a large set starts at once, a
    moved or touched copy is read again but named as before, and an edited one gets a new name.

    Args:
        source: The data set.
        fingerprint: Of the source as it is now, from `stat_fingerprint`.
        memo_folder: Made if missing.
        on_progress: Called with files read and files in all.

    Raises:
        OSError: If a file cannot be read, or the memo cannot be written.
    """
    memo = memo_folder / f"{fingerprint}.txt"
    if memo.is_file() and len(known := memo.read_text(encoding="utf-8").strip()) == 64:
        return known
    total = hashlib.sha256(source.identity.encode())
    for done, (file, digest) in enumerate(_file_digests(source.files), start=1):
        total.update(f"\n{digest} ".encode() + os.fsencode(file.key))
        on_progress(done, len(source.files))
    memo_folder.mkdir(parents=True, exist_ok=True)
    write_atomic(memo, total.hexdigest())
    return total.hexdigest()


def stat_fingerprint(source: Source) -> str:
    """Return a hash of place, size and times of every file, without reading any.

    The change time is in it because tools such as ``cp -p`` set the modification time back.
    """
    total = hashlib.sha256(source.identity.encode())
    for file in source.files:
        stat = file.path.stat()
        row = (file.path.absolute(), file.key, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        total.update(repr(row).encode())
    return total.hexdigest()


def block_digest(path: Path) -> str:
    """Return a SHA-256 over the SHA-256 of each 64 MiB block, which threads share.

    Raises:
        OSError: If the file cannot be read.
    """
    starts = range(0, path.stat().st_size, BLOCK_BYTES)
    with ThreadPoolExecutor(num_threads()) as pool:
        blocks = pool.map(lambda start: _hash_block(path, start), starts)
        return hashlib.sha256(b"".join(blocks)).hexdigest()


def _hash_block(path: Path, start: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        left = BLOCK_BYTES
        while left and (piece := file.read(min(left, 2**20))):
            digest.update(piece)
            left -= len(piece)
    return digest.digest()


def _file_digests(files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, str]]:
    with ThreadPoolExecutor(num_threads()) as pool:
        for start in range(0, len(files), FILES_AT_ONCE):
            some = files[start : start + FILES_AT_ONCE]
            yield from zip(some, pool.map(_file_digest, some), strict=True)


def _file_digest(file: SourceFile) -> str:
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
