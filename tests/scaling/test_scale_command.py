"""The command nas-scale: files, output and errors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scaling.cli import main
from scaling.options import count
from scaling.training_time import RecipeLength, StepTimer
from search_space.architecture_file import ArchitectureFile, load_architecture, save_architecture
from search_space.published import published
from search_space.space import SearchSpace


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def save_winner(path: Path, *, dropped: bool) -> ArchitectureFile:
    """Save an architecture file like nas-search, with a network of the tiny space."""
    space = SearchSpace.load("tiny")
    choices = {**space.choices(space.reference()), "stage5.depth": 0 if dropped else 1}
    chosen = space.canonical(choices)
    winner = ArchitectureFile(
        architecture=space.architecture(chosen),
        name="found-7",
        train_size=48,
        eval_size=48,
        metrics={"accuracy": 0.9},
        provenance={"command": "nas-search", "choices": chosen},
    )
    save_architecture(path, winner)
    return winner


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_target_is_written_to_the_current_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "efficientnetv2-s", "--target", "L"]) == 0
    file = load_architecture("L.json")
    assert [stage.depth for stage in file.architecture.stages] == [4, 7, 7, 10, 19, 25, 7]
    assert (file.train_size, file.eval_size) == (384, 480)
    assert file.name == "efficientnetv2-s-L"
    source = published("efficientnetv2-s").architecture
    assert file.provenance["source"]["key"] == source.key
    assert file.provenance["rule"] == "family"
    assert file.provenance["constants"]["depth"] == {"from": 1.8, "to": 3.1}
    assert "accuracy" not in file.metrics  # only the source's accuracy was measured
    out = capsys.readouterr().out
    for text in ("fused_mbconv", "9 -> 19", "- -> 640", "118.51 M", "55.935 G", "wrote L.json"):
        assert text in out
    assert "memory / image" in out


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "efficientnetv2-s", "--out", "x.json", "--json"]) == 0
    report = printed(capsys)
    assert report["source"]["num_params"] == 21_458_488
    assert report["source"]["macs"] == 8_365_617_152
    assert report["source"]["counts_as"] == "S"
    (target,) = report["targets"]
    assert target["path"] == "x.json"
    assert target["architecture"] == load_architecture("x.json").architecture.to_dict()
    assert target["training_bytes_per_image"] > report["source"]["training_bytes_per_image"]


def test_a_run_folder_is_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    winner = save_winner(tmp_path / "best.json", dropped=False)
    assert main(["--from", str(tmp_path), "--target", "L", "--num-classes", "10"]) == 0
    scaled = load_architecture("L.json")
    assert scaled.provenance["source"]["key"] == winner.architecture.key
    assert scaled.provenance["source"]["provenance"] == winner.provenance
    assert (scaled.train_size, scaled.eval_size) == (48, 60)
    assert len(scaled.architecture.stages) == 5
    assert "found-7" in capsys.readouterr().out


def test_a_last_stage_that_the_search_dropped_is_added(tmp_path: Path) -> None:
    winner = save_winner(tmp_path / "best.json", dropped=True)
    assert len(winner.architecture.stages) == 4
    assert main(["--from", str(tmp_path)]) == 0
    stages = load_architecture("M.json").architecture.stages
    assert len(stages) == 5
    assert stages[4].stride == 1
    assert stages[2].depth > stages[1].depth  # both had 2 layers; the extra one is near the end


def test_a_scaled_file_can_be_scaled_again() -> None:
    assert main(["--from", "efficientnetv2-s", "--target", "M"]) == 0
    assert main(["--from", "M.json", "--as", "M", "--target", "L"]) == 0
    assert main(["--from", "efficientnetv2-s", "--target", "L", "--out", "direct.json"]) == 0
    assert (
        load_architecture("L.json").architecture == load_architecture("direct.json").architecture
    )


def test_the_same_request_writes_the_same_bytes() -> None:
    for name in ("a.json", "b.json"):
        assert main(["--from", "efficientnetv2-s", "--target-macs", "25G", "--out", name]) == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_multipliers_scale_b0_to_b7(capsys: pytest.CaptureFixture[str]) -> None:
    by_hand = ["--depth", "3.1", "--width", "2.0", "--image-size", "600", "--json"]
    assert main(["--from", "efficientnet-b0", *by_hand]) == 0
    assert printed(capsys)["targets"][0]["num_params"] == 66_347_960
    file = load_architecture("scaled.json")
    assert (file.train_size, file.eval_size) == (480, 600)


@pytest.mark.parametrize(
    ("flag", "wanted", "field", "value"),
    [("--target-params", "54M", "num_params", 54e6), ("--target-macs", "25G", "macs", 25e9)],
)
def test_a_size_or_a_cost_is_met(
    flag: str, wanted: str, field: str, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--from", "efficientnetv2-s", flag, wanted, "--json"]) == 0
    (target,) = printed(capsys)["targets"]
    assert target[field] == pytest.approx(value, rel=0.03)
    assert target["provenance"]["constants"]["alpha"] == 1.2


def test_alpha_beta_and_gamma_are_used(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--target-params", "40M", "--alpha", "1", "--gamma", "1", "--json"]
    assert main(["--from", "efficientnetv2-s", *flags]) == 0
    (target,) = printed(capsys)["targets"]
    assert [stage["depth"] for stage in target["architecture"]["stages"]] == [2, 4, 4, 6, 9, 15]
    assert target["image_size"] == {"train": 300, "eval": 384}


def test_a_family_is_written_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "efficientnetv2-s", "--family", "--out", "all"]) == 0
    assert sorted(path.name for path in Path("all").iterdir()) == ["L.json", "M.json", "S.json"]
    assert (
        load_architecture("all/S.json").architecture == published("efficientnetv2-s").architecture
    )
    out = capsys.readouterr().out
    assert "3 5 5 7 14 18 5" in out
    assert "4 7 7 10 19 25 7" in out


def test_a_family_takes_smaller_and_larger_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "efficientnetv2-s", "--family", "B0-B3", "XL", "--json"]) == 0
    names = [target["name"] for target in printed(capsys)["targets"]]
    wanted = ("B0", "B1", "B2", "B3", "S", "M", "L", "XL")
    assert names == [f"efficientnetv2-s-{name}" for name in wanted]
    assert all(Path(f"{name}.json").exists() for name in wanted)


def test_sizes_are_multiples_within_the_cap() -> None:
    flags = ["--max-image-size", "420", "--size-multiple", "32", "--target", "XL"]
    assert main(["--from", "efficientnetv2-s", *flags]) == 0
    file = load_architecture("XL.json")
    assert (file.train_size, file.eval_size) == (320, 416)


def test_a_measurement_is_reported_with_the_hours(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []

    class Timer(StepTimer):
        def measure(
            self, files: tuple[ArchitectureFile, ...], *, batch_size: int, num_classes: int
        ) -> tuple[Mapping[str, Any], ...]:
            seen.extend(file.train_size for file in files)
            return tuple({"step_time_s": 0.5 * n, "device": "made up"} for n in (1, 2))

        def recipe_length(self, name_or_path: str) -> RecipeLength:
            raise AssertionError

    flags = ["--measure", "--batch-size", "8", "--images", "801", "--epochs", "36"]
    assert main(["--from", "efficientnetv2-s", "--json", *flags], Timer()) == 0
    report = printed(capsys)
    assert seen == [300, 384]
    # 801 images are 101 steps of 8; 36 passes at half a second: 1818 s
    assert report["source"]["training_hours"] == pytest.approx(0.505)
    assert report["targets"][0]["training_hours"] == pytest.approx(1.01)
    assert report["targets"][0]["measured"]["device"] == "made up"


S = ["--from", "efficientnetv2-s"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--from", "resnet50"], "resnet50: no such file"),
        ([*S, "--target", "Q"], "must be one of B0, B1, B2, B3, S, M, L, XL, got 'Q'"),
        ([*S, "--as", "Q"], "got 'Q'"),
        ([*S, "--family", "B0-B9"], "got 'B9'"),
        ([*S, "--max-image-size", "320"], "must be >= 384"),
        (["--from", "efficientnet-b7"], "must be >= 600"),
        ([*S, "--image-size", "500", "--max-image-size", "400"], "--image-size must be <="),
        ([*S, "--size-multiple", "512"], "multiple of 512"),
        ([*S, "--target-params", "1T"], "they reach from"),
        ([*S, "--target-params", "54M", "--beta", "1", "--alpha", "1"], "reach from 21,458,488"),
        ([*S, "--target-params", "54M", "--target", "L"], "not several"),
        ([*S, "--family", "--depth", "2"], "not several"),
        ([*S, "--alpha", "1.3"], "--alpha needs"),
        ([*S, "--target-macs", "25G", "--gamma", "0.5"], "gamma must be in [1, 4]"),
        ([*S, "--depth", "-1"], "depth must be > 0"),
        ([*S, "--width", "nan"], "width must be > 0"),
        ([*S, "--out", "no/such/folder/x.json"], "no/such/folder"),
    ],
)
def test_an_invalid_argument_is_one_line_and_nothing_is_written(
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    in_an_empty_folder: Path,
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("nas-scale: ")
    assert complaint in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(in_an_empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [*S, "--target-params", "many"],
        [*S, "--target-params", "0M"],
        [*S, "--target-macs", "-3G"],
        [*S, "--image-size", "4"],
        [*S, "--measure"],  # without a timer there is no such option
    ],
)
def test_an_invalid_option_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str], in_an_empty_folder: Path
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().err.count("\n") == 1
    assert list(in_an_empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "no architecture file"),
        ("[]", "no architecture file"),
        ('{"schema": "nas.architecture/9"}', "schema must be"),
    ],
)
def test_a_damaged_or_foreign_file_is_named(
    content: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="utf-8")
    assert main(["--from", str(path)]) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert complaint in error
    assert not Path("M.json").exists()


def test_an_edited_architecture_no_longer_fits_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "best.json"
    save_winner(path, dropped=False)
    path.write_text(path.read_text("utf-8").replace('"depth": 2', '"depth": 3', 1), "utf-8")
    assert main(["--from", str(path)]) == 2
    assert "edited or damaged" in capsys.readouterr().err


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "best.json"
    save_winner(path, dropped=False)
    before = path.read_bytes()
    assert main(["--from", str(tmp_path), "--out", str(path)]) == 2
    assert main(["--from", str(path), "--out", str(path)]) == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "value"), [("54M", 54e6), ("2.5g", 2.5e9), ("1.5B", 1.5e9), ("70k", 7e4), ("9", 9.0)]
)
def test_counts_are_read_with_their_units(text: str, value: float) -> None:
    assert count(text) == value


def test_costs_are_counted_with_the_classes_of_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "best.json"
    architecture = published("efficientnetv2-b0").architecture
    file = ArchitectureFile(
        architecture=architecture,
        name="found",
        train_size=64,
        eval_size=64,
        provenance={"num_classes": 10},
    )
    save_architecture(source, file)
    out = tmp_path / "B0.json"
    assert main(["--from", str(source), "--target", "B0", "--out", str(out)]) == 0
    assert load_architecture(out).metrics["num_params"] == 5_871_514  # timm's, for 10 classes


@pytest.mark.parametrize(
    ("found", "where"),
    [({}, "search"), ({"finalist": {"accuracies": [0.7, 0.8]}}, "further trainings")],
)
def test_the_end_names_the_accuracy_of_the_search_and_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: dict[str, object], where: str
) -> None:
    source = ArchitectureFile(
        architecture=published("efficientnetv2-b0").architecture,
        name="found-7",
        train_size=192,
        eval_size=224,
        metrics={"accuracy": 0.75},
        provenance={"command": "nas-search", "settings": {"data": "my photos"}, **found},
    )
    save_architecture(tmp_path / "best.json", source)
    out = tmp_path / "L.json"
    assert (
        main(["--from", str(tmp_path / "best.json"), "--target-params", "9M", "--out", str(out)])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        f"accuracy: 75.00 % for found-7 in the {where}; the scaled network is not trained yet",
        f"next: nas-train --arch {out} --data 'my photos'",
    ]
    assert load_architecture(out).provenance["source"]["accuracy"] == 0.75
