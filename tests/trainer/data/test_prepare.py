import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import trainer.data.cache.build
import trainer.data.cache.folder
import trainer.data.prepare
from tests.toys.images import class_folders, encoded, image_cells, parquet, picture
from trainer.config import ReadingConfig
from trainer.data.cache.decode import decode
from trainer.data.cache.images import CachedImages, open_cache
from trainer.data.prepare import open_or_prepare, prepare

SIZE = 16
Damage = Callable[[Path], None]
COUNTS = {"cat": 5, "dog": 4}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    class_folders(tmp_path / "pets" / "train", COUNTS)
    class_folders(tmp_path / "pets" / "val", {"cat": 2, "dog": 2})
    return tmp_path / "pets"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def finished(cache: Path) -> list[Path]:
    """Return the complete caches."""
    return list(cache.glob("[!.]*px-*"))


def leftovers(cache: Path) -> list[Path]:
    return list(cache.glob(".*.part"))


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(trainer.data.cache.folder, "build", fail)


def test_a_cache_holds_the_decoded_images_of_its_source(data: Path, cache: Path) -> None:
    images = prepare(str(data), SIZE, cache_dir=cache)
    assert (images.name, images.image_size, images.native_size) == ("pets", SIZE, 16)
    assert images.class_names == ("cat", "dog")
    assert images.num_classes == 2
    assert images.default_flip
    assert list(images.splits) == ["train", "validation"]
    train = images.splits["train"]
    assert train.labels.tolist() == [0] * 5 + [1] * 4
    assert train.groups is None
    for i, path in enumerate(sorted((data / "train").rglob("*.png"))):
        np.testing.assert_array_equal(train.images[i], decode(path.read_bytes(), SIZE)[0])


def test_workers_open_the_same_cache(data: Path, cache: Path) -> None:
    images = prepare(str(data), SIZE, cache_dir=cache)
    again = open_cache(images.path)
    assert again.class_names == images.class_names
    np.testing.assert_array_equal(again.splits["train"].images, images.splits["train"].images)


def test_nothing_in_a_cache_can_be_written_to(data: Path, cache: Path) -> None:
    train = prepare(str(data), SIZE, cache_dir=cache).splits["train"]
    assert isinstance(train.images, np.memmap)
    for array in (train.images, train.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_digits_keep_their_groups(cache: Path) -> None:
    images = prepare("digits", 12, cache_dir=cache)
    assert images.splits["train"].groups is not None
    assert images.native_size == 8
    assert not images.default_flip
    assert sum(len(split) for split in images.splits.values()) == 1797


def test_an_unchanged_source_is_neither_read_nor_decoded_again(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare(str(data), SIZE, cache_dir=cache)
    forbid_decoding(monkeypatch)
    calls: list[tuple[int, int]] = []
    again = prepare(str(data), SIZE, cache_dir=cache, on_progress=lambda *call: calls.append(call))
    assert again.path == first.path
    assert calls == []  # no file was read


def test_a_moved_and_touched_copy_finds_the_same_cache(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare(str(data), SIZE, cache_dir=cache)
    moved = shutil.copytree(data, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    forbid_decoding(monkeypatch)
    assert prepare(str(moved), SIZE, cache_dir=cache).path == first.path


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_edited_file_leads_to_another_cache(data: Path, cache: Path, split: str) -> None:
    first = prepare(str(data), SIZE, cache_dir=cache)
    file = data / split / "cat" / "0.png"
    times = file.stat()
    content = bytearray(encoded(picture(seed=99)))
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as `cp -p` would
    assert prepare(str(data), SIZE, cache_dir=cache).path != first.path


def test_a_renamed_class_and_another_size_lead_to_other_caches(data: Path, cache: Path) -> None:
    paths = {prepare(str(data), size, cache_dir=cache).path for size in (8, 16)}
    for split in ("train", "val"):
        (data / split / "cat").rename(data / split / "lynx")
    images = prepare(str(data), SIZE, cache_dir=cache)
    assert images.path not in paths
    assert images.class_names == ("dog", "lynx")


def damage_pixels(folder: Path) -> None:
    file = folder / "train.images.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def cut_labels(folder: Path) -> None:
    file = folder / "validation.labels.npy"
    file.write_bytes(file.read_bytes()[:-1])


def lose_images(folder: Path) -> None:
    (folder / "validation.images.npy").unlink()


def garble_meta(folder: Path) -> None:
    (folder / "meta.json").write_text("{")


def edit_meta(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    meta["class_names"].reverse()
    (folder / "meta.json").write_text(json.dumps(meta))


def empty_meta(folder: Path) -> None:
    (folder / "meta.json").write_text('{"format": 1}')


DAMAGES = [damage_pixels, cut_labels, lose_images, garble_meta, edit_meta, empty_meta]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_rebuilt(data: Path, cache: Path, damage: Damage) -> None:
    first = prepare(str(data), SIZE, cache_dir=cache)
    expected = np.array(first.splits["train"].images)
    damage(first.path)
    again = prepare(str(data), SIZE, cache_dir=cache)
    assert again.path == first.path
    assert again.class_names == ("cat", "dog")
    np.testing.assert_array_equal(again.splits["train"].images, expected)
    assert len(again.splits["validation"]) == 4
    assert not leftovers(cache)


@pytest.mark.parametrize("damage", [lose_images, garble_meta])
def test_opening_a_damaged_cache_names_the_file(data: Path, cache: Path, damage: Damage) -> None:
    path = prepare(str(data), SIZE, cache_dir=cache).path
    damage(path)
    with pytest.raises((OSError, ValueError), match=str(path)):
        open_cache(path)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("boom")])
def test_an_interrupted_build_leaves_nothing(
    data: Path, cache: Path, error: BaseException
) -> None:
    def fail_late(done: int, total: int) -> None:
        passes.append(done)
        if passes.count(total) == 2:  # every image was written, meta.json was not
            raise error

    passes: list[int] = []
    with pytest.raises(type(error)):
        prepare(str(data), SIZE, cache_dir=cache, on_progress=fail_late)
    assert not finished(cache)
    assert not leftovers(cache)
    assert len(prepare(str(data), SIZE, cache_dir=cache).splits["train"]) == 9


KILLED = """
import os, signal, sys
from pathlib import Path
from trainer.data.prepare import prepare
passes = []
def kill(done, total):
    passes.append(done)
    if passes.count(total) == 2:  # the last image was written, meta.json was not
        os.kill(os.getpid(), signal.SIGKILL)
prepare(sys.argv[1], 16, cache_dir=Path(sys.argv[2]), on_progress=kill)
"""


def test_a_killed_builder_leaves_no_cache_and_the_next_one_cleans_up(
    data: Path, cache: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(data), str(cache)]
    assert subprocess.run(command, check=False).returncode == -9
    assert not finished(cache)
    assert leftovers(cache)
    assert len(prepare(str(data), SIZE, cache_dir=cache).splits["train"]) == 9
    assert not leftovers(cache)


def prepare_and_sum(data: str, cache: str) -> int:
    images = prepare(data, SIZE, cache_dir=Path(cache))
    return int(images.splits["train"].images.sum())


def test_two_concurrent_builders_return_the_same_cache(data: Path, cache: Path) -> None:
    with get_context("spawn").Pool(2) as pool:
        results = [pool.apply_async(prepare_and_sum, (str(data), str(cache))) for _ in range(4)]
        sums = {result.get(timeout=60) for result in results}
    assert sums == {prepare_and_sum(str(data), str(cache))}
    assert len(finished(cache)) == 1
    assert not leftovers(cache)


def test_undecodable_images_are_counted_and_the_first_is_named(data: Path, cache: Path) -> None:
    bad = [data / "train" / "dog" / "1.png", data / "val" / "cat" / "0.png"]
    bad[0].write_bytes(bad[0].read_bytes()[:-400])
    bad[1].write_bytes(b"no image")
    with pytest.raises(ValueError, match="2 of 13 images cannot be decoded, first: ") as error:
        prepare(str(data), SIZE, cache_dir=cache)
    assert str(bad[0]) in str(error.value)
    assert "\n" not in str(error.value)
    assert not finished(cache)
    assert not leftovers(cache)


def test_an_undecodable_row_is_named(tmp_path: Path, cache: Path) -> None:
    cells = image_cells(4)
    cells[2]["bytes"] = b"no image"
    path = parquet(tmp_path / "x.parquet", {"image": cells, "label": [0, 0, 1, 1]})
    with pytest.raises(
        ValueError, match=r"1 of 4 images.*x\.parquet, split train, row 2: it seems to be text"
    ):
        prepare(str(path), SIZE, cache_dir=cache)


def test_a_parquet_file_needs_no_second_copy_once_decoded(tmp_path: Path, cache: Path) -> None:
    columns = {"image": image_cells(4), "label": [0, 0, 1, 1]}
    images = prepare(str(parquet(tmp_path / "x.parquet", columns)), SIZE, cache_dir=cache)
    assert images.name == "x"
    assert not list(cache.rglob("*.arrow"))
    assert not leftovers(cache)


@pytest.mark.parametrize("finished_passes", [1, 2], ids=["while hashing", "while decoding"])
def test_a_source_that_changes_while_it_is_read_is_rejected(
    data: Path, cache: Path, finished_passes: int
) -> None:
    passes: list[int] = []

    def touch(done: int, total: int) -> None:
        passes.append(done)
        if passes.count(total) == finished_passes:
            (data / "train" / "cat" / "0.png").touch()

    with pytest.raises(ValueError, match="pets was changed while it was read"):
        prepare(str(data), SIZE, cache_dir=cache, on_progress=touch)
    assert not finished(cache)


def test_progress_counts_files_and_then_images(data: Path, cache: Path) -> None:
    calls: list[tuple[int, int]] = []
    prepare(str(data), SIZE, cache_dir=cache, on_progress=lambda *call: calls.append(call))
    assert calls[:13] == [(i, 13) for i in range(1, 14)]
    assert calls[-1] == (13, 13)
    assert len(calls) > 13


def test_a_full_disk_is_one_line_and_leaves_nothing(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trainer.data.cache.build, "sync", full)
    with pytest.raises(OSError, match=r"no space left for decoded images in .*NAS_CACHE_DIR"):
        prepare(str(data), SIZE, cache_dir=cache)
    assert not finished(cache)
    assert not leftovers(cache)


def test_images_that_do_not_fit_the_disk_are_rejected_before_decoding(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(data)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type(usage)(1, 1, 9000))
    forbid_decoding(monkeypatch)
    with pytest.raises(OSError, match="MiB needed, 0 MiB free"):
        prepare(str(data), SIZE, cache_dir=cache)


def test_the_environment_names_the_cache(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(cache))
    assert prepare(str(data), SIZE).path.parent == cache


def test_a_host_without_the_cache_prepares_the_same_images_or_fails(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = prepare(str(data), SIZE, cache_dir=tmp_path / "elsewhere").path
    assert open_or_prepare(elsewhere, "unread", SIZE, ReadingConfig()).path == elsewhere
    shutil.rmtree(elsewhere)
    monkeypatch.setenv("NAS_CACHE_DIR", str(cache))
    assert (
        open_or_prepare(elsewhere, str(data), SIZE, ReadingConfig()).path == cache / elsewhere.name
    )
    with pytest.raises(ValueError, match=r"--data digits holds other images on .*images of 10 cl"):
        open_or_prepare(elsewhere, "digits", SIZE, ReadingConfig())


def test_a_cache_that_cannot_be_written_names_the_variable(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match=r"file/cache \(NAS_CACHE_DIR\) cannot be written"):
        prepare(str(data), SIZE, cache_dir=tmp_path / "file" / "cache")


def test_a_user_without_a_home_folder_learns_of_the_variable(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(path: str) -> str:
        return path  # os.path.expanduser, for a user that the system does not list

    monkeypatch.delenv("NAS_CACHE_DIR", raising=False)
    monkeypatch.setattr("os.path.expanduser", no_home)
    with pytest.raises(OSError, match=r"no home folder; set .* NAS_CACHE_DIR to a folder"):
        prepare(str(data), SIZE)


@pytest.mark.parametrize("missing", ["no-such", "/no/such/folder", "./a/b", "tests/no-such"])
def test_a_missing_path_lists_the_possible_values(missing: str, cache: Path) -> None:
    with pytest.raises(ValueError, match="does not exist; --data takes digits-scenes, digits, a"):
        prepare(missing, SIZE, cache_dir=cache)


def test_a_file_of_another_kind_is_rejected_by_name(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "x.zip").write_text("x")
    with pytest.raises(ValueError, match=r"x\.zip is neither a folder nor a parquet file"):
        prepare(str(tmp_path / "x.zip"), SIZE, cache_dir=cache)


@pytest.mark.parametrize("size", [0, -3, 7])
def test_too_small_an_image_size_is_rejected(size: int, cache: Path) -> None:
    with pytest.raises(ValueError, match=f"--image-size must be >= 8 pixels, got {size}"):
        prepare("digits", size, cache_dir=cache)


def test_only_owner_and_name_refer_to_the_hub(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trainer.data.sources.huggingface

    asked: list[str] = []

    def hub(name: str, *_: object) -> CachedImages:
        asked.append(name)
        raise ConnectionError("offline")

    monkeypatch.setattr(trainer.data.sources.huggingface, "hub_source", hub)
    with pytest.raises(ConnectionError):
        prepare("some-owner/some.name", SIZE, cache_dir=cache)
    assert asked == ["some-owner/some.name"]
