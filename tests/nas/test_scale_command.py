"""nas-scale --measure: source and target timed on this device, each at its own size."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from nas import scale_command
from search_space.architecture_file import ArchitectureFile, save_architecture
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
    assert scale_command.main(["--from", str(path), *flags, *out]) == 0
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
    assert scale_command.main([*arguments, "--measure", "--batch-size", "1000000"]) == 2
    error = capsys.readouterr().err
    assert "--batch-size 1000000 is too large" in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--images", "10"], "--images needs --measure"),
        (["--epochs", "10"], "--epochs needs --measure"),
        (["--batch-size", "10"], "--batch-size needs --measure"),
        (["--recipe", "small"], "--recipe needs --measure"),
        (["--measure", "--recipe", "small", "--epochs", "3"], "--epochs has no meaning"),
        (["--measure", "--epochs", "3"], "--epochs needs --images"),
        (["--measure", "--recipe", "nowhere"], "--recipe nowhere: no such file or recipe"),
        (["--measure", "--recipe", "imagenet-s-paper"], "--images is needed for the hours"),
        (["--out", "no/such/M.json"], "there is no folder no/such"),
    ],
)
def test_flags_that_would_say_nothing_are_refused_before_anything_is_timed(
    flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale_command.main(["--from", "efficientnetv2-s", *flags]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("duration", "micro_batch", "images", "timed", "seen"),
    [
        ("epochs: 3", None, ["--images", "1000"], 32, 3000),
        ("epochs: 3", 16, ["--images", "1000"], 16, 3000),
        ("steps: 50", None, [], 32, 50 * 96),
    ],
)
def test_the_hours_are_those_of_the_recipe(
    duration: str,
    micro_batch: int | None,
    images: list[str],
    timed: int,
    seen: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (files("trainer.recipes") / "small.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)
    settings |= {"batch_size": 96, "micro_batch": micro_batch}
    settings["duration"] = yaml.safe_load(f"{{{duration}}}")
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(yaml.safe_dump(settings), encoding="utf-8")
    asked: list[int] = []

    def two_seconds(
        self: object, files: tuple[ArchitectureFile, ...], *, batch_size: int, num_classes: int
    ) -> tuple[dict[str, float], ...]:
        asked.append(batch_size)
        return ({"step_time_s": 2.0},) * len(files)

    monkeypatch.setattr(scale_command.DeviceStepTimer, "measure", two_seconds)
    flags = ["--measure", "--recipe", str(recipe), *images, "--json"]
    out = ["--out", str(tmp_path / "M.json")]
    assert scale_command.main(["--from", "efficientnetv2-s", *flags, *out]) == 0
    report = json.loads(capsys.readouterr().out)
    assert asked == [timed]
    for each in (report["source"], report["targets"][0]):
        assert each["training_hours"] == pytest.approx(2.0 * seen / timed / 3600)
