"""nas-time: its output and its errors."""

import json
from pathlib import Path

import pytest

from search_space.space import SearchSpace
from tests.toys.step_table import made_table
from trainer.step_table import console as table_cli
from trainer.step_table.build import NETWORKS
from trainer.step_table.table import StepTable, load_step_table
from trainer.time_cli import time_main
from trainer.timing import latency_timer
from trainer.timing.synthetic_step import StepSettings

FAST = ["--image-size", "32", "--batch-size", "2", "--num-classes", "10", "--repeats", "3"]


def test_a_published_network_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert time_main(["--arch", "efficientnetv2-b0", "--json", *FAST]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["name"] == "efficientnetv2-b0"
    assert record["num_params"] == 5_871_514  # timm's and torchvision's count for 10 classes
    assert record["macs"] > 0
    assert record["batch_size"] == 2
    assert record["image_size"] == 32
    assert record["samples_per_sec"] == pytest.approx(2 / record["step_time_s"])
    parts = record["forward_s"] + record["backward_s"] + record["optimizer_s"]
    assert parts == pytest.approx(record["step_time_s"])
    for name in ("spread", "peak_memory_bytes", "device", "torch_version", "clock"):
        assert name in record


def test_a_published_network_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert time_main(["--arch", "efficientnetv2-b0", *FAST]) == 0
    out = capsys.readouterr().out
    for word in (  # the names of --json
        "step_time_s",
        "samples_per_sec",
        "forward_s",
        "backward_s",
        "optimizer_s",
        "peak_memory_bytes",
        "num_params",
        "macs",
    ):
        assert word in out


def test_the_latency_of_one_image_and_of_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    assert time_main(["--arch", "efficientnetv2-b0", "--inference", "--json", *FAST]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["num_params"] == 5_871_514
    one, two = record["inference"]
    assert (one["batch_size"], two["batch_size"]) == (1, 2)
    for measured in (one, two):
        assert measured["p95_s"] >= measured["p50_s"] > 0
        assert (measured["form"], measured["image_size"]) == ("eager", 32)
        assert (measured["threads"], measured["clock"]) == (1, "wall")


def test_the_latency_as_a_table_at_the_evaluation_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency_timer, "MIN_CALLS", 3)
    flags = ["--batch-size", "2", "--num-classes", "10", "--repeats", "3"]
    assert time_main(["--arch", "efficientnetv2-b0", "--inference", *flags]) == 0
    out = capsys.readouterr().out
    assert "efficientnetv2-b0, inference" in out
    assert out.count("224 px") == 2  # it is trained on 192 px and evaluated on 224 px
    for word in ("p50", "p95", "images/s", "spread", "1 thread, fp32, torch", "wall time"):
        assert word in out
    assert "…" not in out  # no name is cut at 80 columns


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "resnet50"], "resnet50"),
        (["--arch", "efficientnetv2-s", "--device", "cuda:99"], "--device cuda:99"),
        (["--arch", "efficientnetv2-s", "--device", "gpu"], "'gpu'"),
        (["--arch", "efficientnetv2-s", "--table", "t.json"], "--table needs --space"),
        (["--space", "tiny", "--inference"], "--inference needs --arch"),
        (["--arch", "efficientnetv2-s", "--exported"], "--exported needs --inference"),
        (["--arch", "efficientnetv2-s", "--threads", "2"], "--threads needs --inference"),
        (["--space", "nowhere"], "nowhere"),
        (["--space", "tiny", "--table", "no/such/t.json"], "there is no folder no/such"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert time_main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("nas-time: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_the_parts_of_a_space_are_timed_into_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def build(
        space: SearchSpace, image_size: int, settings: StepSettings, *_: object, **options: object
    ) -> StepTable:
        asked.append((space.name, image_size, settings.batch_size, options["networks"]))
        return made_table()

    monkeypatch.setattr(table_cli, "build_step_table", build)
    path = tmp_path / "t.json"
    flags = ["--space", "tiny", "--batch-size", "4", "--num-classes", "10", "--table", str(path)]
    assert time_main(flags) == 0
    assert asked == [("tiny", 32, 4, NETWORKS)]  # 32: the space's own size for a search
    assert load_step_table(path) == made_table()
    out = capsys.readouterr().out
    assert f"wrote {path}" in out
    assert "111 parts of tiny and 3 whole networks timed in 60 s" in out
    assert time_main([*flags, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["parts"], report["networks"], report["table"]) == (111, 3, str(path))


@pytest.mark.parametrize("arguments", [[], ["--arch", "x", "--batch-size", "1"], ["--bach", "2"]])
def test_bad_flags_are_one_line_and_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        time_main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_network_beyond_the_memory_is_rejected_before_it_is_built(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--arch", "efficientnetv2-l", "--batch-size", "1000000", "--device", "cpu"]
    assert time_main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("nas-time: --batch-size 1000000 is too large for efficientnetv2-l at")
    assert error.count("\n") == 1
    assert time_main([*arguments, "--inference"]) == 2
    assert capsys.readouterr().err.startswith("nas-time: --batch-size 1000000 is too large for")
