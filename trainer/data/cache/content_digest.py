"""Digests of a data set's content, so that an unchanged one is not decoded again."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from search_space.atomic_file import write_atomic
from search_space.checksum import is_intact, parse_sealed, sealed
from trainer.data.progress import DecodingProgress
from trainer.data.sources.source import Source
from trainer.machine.cpus import available_cpus

FILES_AT_ONCE = 512
BLOCK_BYTES = 64 * 2**20


def num_threads() -> int:
    """Return the number of threads that decode or hash: one per usable CPU, at most 32."""
    return min(32, available_cpus())


def content_digest(
    source: Source, fingerprint: str, *, memo_folder: Path, on_progress: DecodingProgress
) -> str:
    """Return the SHA-256 of the content, from a memo if no file was modified since.

    The memo is named by a fingerprint of the files' names, sizes and times, which does not read
    the files; they are read only if there is no memo. So an unchanged large set starts quickly,
    a moved or touched copy is read again and gets the same digest, and an edited set a new one.
    `fingerprint` is the current one from `stat_fingerprint`; the folder of the memos is created
    if missing, and `on_progress` receives the number of files read, and of all files.

    Raises:
        OSError: If a file cannot be read, or the memo cannot be written.
    """
    memo = memo_folder / f"{fingerprint}.txt"
    if known := _read_memo(memo):
        return known
    total = hashlib.sha256(source.identity.encode())
    digests = zip(source.files, _file_digests([*source.files.values()]), strict=True)
    for done, (key, digest) in enumerate(digests, start=1):
        total.update(f"\n{digest} ".encode() + os.fsencode(key))
        on_progress(done, len(source.files))
    memo_folder.mkdir(parents=True, exist_ok=True)
    write_atomic(memo, sealed(json.dumps({"sha256": total.hexdigest()})))
    return total.hexdigest()


def _read_memo(memo: Path) -> str:
    """Return the digest in a memo; empty if there is none, or if it is damaged.

    Memos of earlier versions have no checksum, so that damage in them would not be noticed; they
    are not used.
    """
    try:
        data = memo.read_bytes()
        content = parse_sealed(data) if is_intact(data) else {}
        return str(content.get("sha256", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def stat_fingerprint(source: Source) -> str:
    """Return a hash of path, size and times of every file, without reading the files.

    It includes the change time, because tools such as ``cp -p`` keep the modification time.
    """
    total = hashlib.sha256(source.identity.encode())
    for key, path in source.files.items():
        stat = path.stat()
        row = (path.absolute(), key, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        total.update(repr(row).encode())
    return total.hexdigest()


def block_digest(path: Path) -> str:
    """Return a SHA-256 over the SHA-256 of each 64 MiB block; threads hash the blocks.

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


def _file_digests(paths: Sequence[Path]) -> Iterator[str]:
    with ThreadPoolExecutor(num_threads()) as pool:
        for start in range(0, len(paths), FILES_AT_ONCE):
            yield from pool.map(_file_digest, paths[start : start + FILES_AT_ONCE])


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
