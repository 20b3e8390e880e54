"""nas-scale --measure: source and target timed on this device, each at its own size."""

import json
from pathlib import Path

import pytest

from nas import scale_measure
from search_space.artifact import ArchitectureFile, save_architecture
from search_space.space import SearchSpace


def test_source_and_target_are_timed_at_their_own_sizes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = SearchSpace.load("tiny")
    path = tmp_path / "best.json"
    file = ArchitectureFile(
        architecture=space.reference(), name="tiny", train_size=16, eval_size=32
    )
    save_architecture(path, file)
    flags = ["--measure", "--batch-size", "2", "--num-classes", "10", "--images", "7200", "--json"]
    out = ["--out", str(tmp_path / "M.json")]
    assert scale_measure.main(["--from", str(path), *flags, *out]) == 0
    report = json.loads(capsys.readouterr().out)
    source, target = report["source"], report["targets"][0]
    assert (source["measured"]["image_size"], target["measured"]["image_size"]) == (16, 32)
    for each in (source, target):
        assert each["measured"]["batch_size"] == 2
        assert each["measured"]["device"]
        # 3600 steps an epoch, 350 epochs
        hours = 350 * each["measured"]["step_time_s"]
        assert each["training_hours"] == pytest.approx(hours)


def test_a_batch_that_cannot_fit_is_refused_before_it_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "L.json"
    arguments = ["--from", "efficientnetv2-s", "--target", "L", "--out", str(out)]
    assert scale_measure.main([*arguments, "--measure", "--batch-size", "1000000"]) == 2
    error = capsys.readouterr().err
    assert "--batch-size 1000000 is too large" in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_images_without_a_measurement_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale_measure.main(["--from", "efficientnetv2-s", "--images", "10"]) == 2
    assert "--images needs --measure" in capsys.readouterr().err
