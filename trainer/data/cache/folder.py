"""Cache folders: complete or absent, and built by one process at a time."""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from search_space.atomic_file import sync
from search_space.command_line.command import print_note
from search_space.command_line.waiting import NOTE_AFTER_S
from search_space.leftovers import is_abandoned, remove_drafts
from trainer.data.cache.build import BuildTask, build
from trainer.data.cache.content_digest import block_digest, stat_fingerprint
from trainer.data.cache.images import META_NAME, array_file, meta_digest, open_cache, read_meta
from trainer.data.progress import DecodingProgress
from trainer.data.sources.source import OpenedSource
from trainer.machine.processes import ProcessName

# Seconds between two attempts to lock, and after which a stopped process is an error.
POLL_S, STOPPED_AFTER_S = 0.125, 1.0
MEMOS = "sources"  # folder of the digests of sources, below the folder of all caches


def cache_damage(folder: Path) -> str | None:
    """Read the whole cache at `folder` and return its first fault, or None if it is intact."""
    try:
        meta = read_meta(folder)
        if meta.pop("sha256") != meta_digest(meta):
            return f"{folder / META_NAME} has another checksum"
        for split, entry in meta["splits"].items():
            for array, wanted in entry["arrays"].items():
                file = folder / array_file(split, array)
                if file.stat().st_size != wanted["bytes"]:
                    return f"{file} has {file.stat().st_size} bytes, not {wanted['bytes']}"
                if block_digest(file) != wanted["sha256"]:
                    return f"{file} has another checksum"
        open_cache(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return str(error)
    return None


def rebuild(
    task: BuildTask, folder: Path, *, fingerprint: str, on_progress: DecodingProgress
) -> None:
    """Decode into a temporary folder and rename it to `folder`, whose lock the caller holds.

    `fingerprint` is that of the source when its digest was computed.

    Raises:
        ValueError: If images cannot be decoded, or the source has changed since.
        OSError: If a file cannot be read or written; the message explains a full disk.
    """
    source = task.source
    for stale in folder.parent.glob(f".{folder.name}.*.part"):  # of builders that were killed
        shutil.rmtree(stale, ignore_errors=True)
    if folder.exists():
        folder.rename(stale := _part(folder))  # processes that have it mapped can still read it
        shutil.rmtree(stale)
    part, scratch = _part(folder), _part(folder)
    try:
        part.mkdir()
        scratch.mkdir()
        opened = source.open(scratch)
        _check_space(opened, folder.parent, task.image_size)
        build(task, opened, part, on_progress)
        if stat_fingerprint(source) != fingerprint:
            raise ValueError(f"{source.name} was changed while it was read; start again")
        sync(part)
        part.rename(folder)
        sync(folder.parent)
    except OSError as error:
        raise _explained(error, task, folder.parent) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)


def _explained(error: OSError, task: BuildTask, root: Path) -> Exception:
    """Return an error that names the place and what can be done."""
    place = None if error.filename is None else Path(os.fsdecode(error.filename))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OSError(_no_space(root))
    if error.errno == errno.EFBIG:
        return OSError(
            f"a file of the decoded images in {root} is larger than this process may write; "
            "raise its limit (ulimit -f)"
        )
    if error.errno == errno.ENOENT and place in task.source.files.values():
        return ValueError(f"{place} was removed while {task.source.name} was read; start again")
    if place is None and error.errno is not None:  # a write; reads know their file
        return OSError(
            f"the decoded images cannot be written to {root} (NAS_CACHE_DIR): {error.strerror}"
        )
    return error


def _part(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def _check_space(opened: OpenedSource, root: Path, image_size: int) -> None:
    """Raise OSError if the disk has not enough space for the decoded images."""
    images = sum(len(split.labels) for split in opened.splits.values())
    needed, free = images * image_size**2 * 3, shutil.disk_usage(root).free
    if needed > free:
        sizes = f"{needed / 2**20:.0f} MiB needed, {free / 2**20:.0f} MiB free"
        raise OSError(f"{_no_space(root)}: {sizes}")


def _no_space(root: Path) -> str:
    return f"no space left for decoded images in {root} (NAS_CACHE_DIR names another place)"


def cache_root(cache_dir: Path | None) -> Path:
    """Return the folder of all caches; create it if it is missing, and tidy it.

    Raises:
        OSError: If it cannot be written; the message names the variable that sets it.
    """
    root = cache_dir or Path(os.environ.get("NAS_CACHE_DIR") or "~/.cache/nas")
    try:
        root = root.expanduser().absolute()
    except RuntimeError as error:  # no HOME, and no entry in the list of users
        raise OSError(
            f"cache folder {root}: this user has no home folder; set the environment variable "
            "NAS_CACHE_DIR to a folder that can be written"
        ) from error
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / f".{os.getpid()}-{secrets.token_hex(4)}.probe"
        probe.touch()
        probe.unlink()
        remove_leftovers(root)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"cache folder {root} (NAS_CACHE_DIR) cannot be written: {reason}"
        ) from error
    return root


@contextlib.contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Yield an empty folder for temporary files in the folder of all caches.

    It is removed at the end; if the process is killed, by the next command that uses a cache.

    Raises:
        OSError: If it cannot be made.
    """
    name = f"scratch-{os.getpid()}-{secrets.token_hex(4)}"
    with locked(root / f".{name}.lock"):
        part = _part(root / name)
        part.mkdir()
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file at `path`; the kernel releases it if the process dies.

    The file is removed at the end. So a process that waited for it checks that the name still
    leads to the file that it locked. Decoding can take hours, and who waits for it says so on
    stderr.

    Raises:
        OSError: If the process that holds the lock is stopped, for example by Ctrl-Z.
    """
    while True:
        with path.open("a+") as file:
            _wait_for_lock(file)
            if _is_at(path, file.fileno()):
                with contextlib.suppress(OSError):  # a full disk only hides the name
                    os.ftruncate(file.fileno(), 0)
                    os.write(file.fileno(), ProcessName.own().to_json().encode())
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return


def _wait_for_lock(file: TextIO) -> None:
    polls = stopped = 0
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        file.seek(0)
        holder = ProcessName.from_json(file.read())
        stopped = stopped + 1 if holder is not None and holder.is_stopped() else 0
        if holder is not None and stopped * POLL_S >= STOPPED_AFTER_S:
            raise OSError(
                f"{holder} is decoding the same images and is stopped; continue it with "
                f"kill -CONT {holder.pid}, or end it"
            )
        polls += 1
        if polls * POLL_S == NOTE_AFTER_S:
            print_note(f"waiting for the images: {holder or 'another process'} is decoding them")
        time.sleep(POLL_S)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def remove_leftovers(root: Path) -> None:
    """Remove what killed processes left in the folder of all caches: parts, locks, drafts.

    A part belongs to a builder that is running if it holds the lock of that cache. Faults are
    ignored: another process may be removing the same files, or own them.
    """
    remove_drafts(root)
    remove_drafts(root / MEMOS)
    for probe in root.glob(".*-*.probe"):
        pid = probe.name[1:].partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and is_abandoned(probe, int(pid)):
                probe.unlink()
    names = {path.name[1:].partition(".")[0] for path in root.glob(".*.part")}
    names |= {path.name[1:].removesuffix(".lock") for path in root.glob(".*.lock")}
    for name in names:
        with contextlib.suppress(OSError):
            _remove_of_cache(root, name)


def _remove_of_cache(root: Path, name: str) -> None:
    lock = root / f".{name}.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(lock, file.fileno()):
            for part in root.glob(f".{name}.*.part"):
                shutil.rmtree(part, ignore_errors=True)
            lock.unlink()
