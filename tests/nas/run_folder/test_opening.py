"""Opening of a run's folder, and when it is removed again."""

from pathlib import Path

import pytest

from nas.candidate import Outcome
from nas.engine.events import Told
from nas.engine.ledger import Ledger
from nas.run_folder.opening import MAY_CHANGE, opened_run_folder, require_same_images, run_settings
from nas.settings.defaults import complete_config
from search_space.space import SearchSpace
from tests.toys.images import class_folders, encoded, picture
from trainer.data.prepare import prepare


def test_the_folder_of_another_search_is_not_changed(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with (
        pytest.raises(ValueError, match="is being searched by process"),
        opened_run_folder(folder),
        Ledger(folder / "ledger.jsonl", {}),
        Ledger(folder / "ledger.jsonl", {}),
    ):
        pass
    assert (folder / "ledger.jsonl").exists()
    with pytest.raises(ValueError, match="a bad setting"), opened_run_folder(tmp_path / "b"):
        raise ValueError("a bad setting")
    assert not (tmp_path / "b").exists()


def test_a_new_folder_with_an_outcome_is_kept_after_errors(tmp_path: Path) -> None:
    folder, moved = tmp_path / "a", tmp_path / "moved"

    def break_after_a_candidate() -> None:
        with opened_run_folder(folder), Ledger(folder / "ledger.jsonl", {}) as ledger:
            ledger.append(Told(number=0, outcome=Outcome.failed("NaN")))
            (folder / "results").rmdir()  # as by a user who cleans up
            raise OSError("a worker's file")

    def break_after_a_move() -> None:
        with opened_run_folder(tmp_path / "b"):
            (tmp_path / "b").rename(moved)
            raise OSError("no such folder")

    with pytest.raises(OSError, match="a worker's file"):
        break_after_a_candidate()
    assert (folder / "ledger.jsonl").exists()
    with pytest.raises(OSError, match="no such folder"):
        break_after_a_move()
    assert moved.exists()


def test_a_search_is_not_resumed_with_other_images(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "pets", {"cat": 5, "dog": 4})
    given = {"data": str(data), "proxy": {"image_size": 16}, "workers": 1, "gpus_per_worker": 0}
    config, space = complete_config(given), SearchSpace.load("tiny")
    folder = tmp_path / "run"
    folder.mkdir()
    images = prepare(str(data), 16, cache_dir=tmp_path / "cache")
    require_same_images(folder, config, images)  # a new run
    settings = run_settings(config, space, images)
    with Ledger(folder / "ledger.jsonl", settings, may_change=MAY_CHANGE):
        pass
    require_same_images(folder, config, images)
    (data / "cat/new.png").write_bytes(encoded(picture(9000)))
    others = prepare(str(data), 16, cache_dir=tmp_path / "cache")
    message = r"images of --data are not those that .*/run was started with: 10 training images"
    with pytest.raises(ValueError, match=message):
        require_same_images(folder, config, others)
    larger = config.model_copy(
        update={"proxy": config.proxy.model_copy(update={"image_size": 24})}
    )
    require_same_images(folder, larger, others)  # the ledger names the other setting
