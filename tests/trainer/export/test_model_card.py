"""The model card: valid front matter, what was recorded about the model, and no markup of users.

A card never prevents an export, and never replaces a README.md that somebody wrote.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from tests.toys.exported_model import exported_model
from trainer.export.card_facts import card_facts
from trainer.export.markdown import code_block, markdown_text
from trainer.export.model_card import card_text, write_card
from trainer.model_file import ModelFile

FILES = ("model.py", "model_weights.pt", "model.onnx")
NASTY = "<img src=x> [a](http://b) `c` | *d* \x1b[31m\n# e"


def _training(**changes: Any) -> dict[str, Any]:
    """Return what model.pt records about its training."""
    return {
        "name": "birds-1",
        "images": "birds",
        "num_images": 1600,
        "evaluated_on": "validation",
        "num_evaluated": 500,
        "notes": ["200 images are copies"],
        "epochs": 12.0,
        "batch_size": 64,
        "seed": 3,
        "final": {"top1": 0.6, "top5": 0.9, "ema_top1": 0.625, "ema_top5": 0.9, "ema_loss": 1.5},
        "phases": [
            {
                "image_size": 16,
                "dropout": 0.1,
                "randaug_magnitude": 5.0,
                "mixup_alpha": 0.0,
                "cutmix_alpha": 0.0,
                "steps": 75,
            }
        ],
        "provenance": {
            "command": "nas-search",
            "run": "found",
            "candidate": 7,
            "space": "tiny",
            "settings": {"data": "/home/me/birds", "sampler": "auto", "seed": 5},
        },
        **changes,
    }


def _model(**changes: Any) -> ModelFile:
    return replace(exported_model(), training=_training(**changes))


def _card(model: ModelFile, run: Path | None = None) -> str:
    return card_text(model, card_facts(model, run), FILES)


def _data(card: str) -> Any:
    """Return the front matter as the hub's library reads it."""
    return ModelCard(card).data


def _evaluation(model: ModelFile, folder: Path, **changes: Any) -> None:
    """Write RUN/evaluation/test.json."""
    size = {
        "image_size": 20,
        "top1": 0.75,
        "top1_low": 0.7,
        "top1_high": 0.8,
        "top5": 1.0,
        "loss": 0.5,
        "calibration_error": 0.03,
    }
    content = {
        "schema": "nas.evaluation/1",
        "key": model.architecture.key,
        "data": "birds",
        "split": "test",
        "weights": "ema",
        "num_images": 400,
        "sizes": [size],
        **changes,
    }
    path = folder / "evaluation" / "test.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def test_front_matter_is_what_the_hub_reads() -> None:
    data = _data(_card(_model()))
    assert data.pipeline_tag == "image-classification"
    assert data.metrics == ["accuracy"]
    assert data.license is None
    assert data.eval_results is not None
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.625)  # averaged weights
    assert (result.dataset_name, result.dataset_split) == ("birds", "validation")


def test_the_card_says_how_a_picture_becomes_an_image() -> None:
    model = _model()
    usual = replace(model.preprocessing, decoded_size=model.eval_size, eval_crop=1.0, fit="crop")
    said = f"A picture becomes a square of {model.eval_size} px, cut from its centre.\n"
    card = _card(replace(model, preprocessing=usual))
    assert said + "The network takes values in [-1, 1]." in card
    cropped = _card(replace(model, preprocessing=replace(usual, eval_crop=0.875)))
    assert "Its central part, 87.50% of the side, is kept.\nThis is resized to" in cropped
    larger = _card(replace(model, preprocessing=replace(usual, decoded_size=64)))
    assert (
        f"a square of 64 px, cut from its centre.\nThis is resized to {model.eval_size}" in larger
    )


def test_the_card_states_data_recipe_and_architecture() -> None:
    card = _card(_model())
    assert "1600 training images" in card
    assert "- 200 images are copies" in card
    assert "| seed | 3 |" in card
    assert "| 1 | 16 px | 5 | 0 | 0 | 0.1 | 75 |" in card
    assert "| 2 | Fused-MBConv | 2 | 16 | 3 | 2 | 2 | 0.25 |" in card
    assert "| 3 | MBConv | 2 | 24 | 5 | 2 | 2 | none |" in card
    assert "top1 62.50%" in card


def test_evaluations_of_this_network_replace_the_trainings_result(tmp_path: Path) -> None:
    model = _model()
    _evaluation(model, tmp_path)
    card = _card(model, tmp_path)
    row = "| birds, test | 400 | 20 px | ema | 75.00% | 70.00% to 80.00% | 100.00% | 0.5 | 3.00% |"
    assert row in card
    results = _data(card).eval_results
    assert results is not None
    assert [(one.dataset_split, one.metric_value) for one in results] == [("test", 0.75)]


@pytest.mark.parametrize(
    ("exported", "top1"), [(20, 0.75), (32, 0.8), (64, 0.75)], ids=["usual", "other", "unknown"]
)
def test_the_result_is_that_at_the_size_of_the_exported_network(
    exported: int, top1: float, tmp_path: Path
) -> None:
    model = replace(_model(), eval_size=exported)
    measured = [{"image_size": 12, "top1": 0.5}]
    measured += [{"image_size": 20, "top1": 0.75}, {"image_size": 32, "top1": 0.8}]
    _evaluation(model, tmp_path, sizes=measured, image_size=20)
    results = _data(_card(model, tmp_path)).eval_results
    assert [one.metric_value for one in results or ()] == [top1]


@pytest.mark.parametrize("changes", [{"key": "another"}, {"sizes": "damaged"}, {"weights": "raw"}])
def test_evaluations_of_other_networks_and_damaged_ones_are_left_out(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    model = _model()
    _evaluation(model, tmp_path, **changes)
    assert "top1 62.50%" in _card(model, tmp_path)


def test_results_are_those_of_the_exported_weights() -> None:
    model = _model()
    assert "top1 60.00%" in card_text(model, card_facts(model, None, "raw"), FILES)


def test_search_is_described_with_the_digest_of_its_ledger(tmp_path: Path) -> None:
    ledger = b'{"event":"asked"}\n{"event":"told","number":0}\n{"event":"told","number":1}\n'
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "ledger.jsonl").write_bytes(ledger)
    command = {"command": ["nas-search", "--data", "/home/me/birds", "--cache=/home/me/c d"]}
    (tmp_path / "found" / "environment.json").write_text(json.dumps(command))
    card = _card(_model(), tmp_path / "trained")
    assert f"| SHA-256 of the ledger | {hashlib.sha256(ledger).hexdigest()} |" in card
    assert "| candidates with an outcome | 2 |" in card
    assert "| candidate | 7 |" in card
    assert "| command | nas-search --data birds '--cache=c d' |" in card
    assert "/home/me" not in card


def test_a_recorded_digest_needs_no_folder() -> None:
    provenance = {
        **_training()["provenance"],
        "ledger": {"sha256": "ab" * 32, "candidates": 16},
    }
    scaled = {
        "command": "nas-scale",
        "rule": "phi = 1",
        "source": {"name": "found-7", "key": "0123", "provenance": provenance},
    }
    card = _card(_model(provenance=scaled))
    assert f"| SHA-256 of the ledger | {'ab' * 32} |" in card
    assert "| scaled from | found-7 (0123) |" in card


def test_only_files_that_are_there_are_explained() -> None:
    card = _card(_model())
    assert "### model.py, model_weights.pt" in card
    assert "### model.onnx" in card
    assert "timm" not in card.replace("time", "")
    assert "model.pt2" not in card


def test_text_of_users_is_never_markup(tmp_path: Path) -> None:
    names = (NASTY, "b", "c", "d", "e")
    model = replace(
        _model(name=NASTY, images=NASTY, evaluated_on=NASTY, notes=[NASTY], device=NASTY),
        class_names=names,
    )
    (tmp_path / "environment.json").write_text(json.dumps({"command": ["nas-train", "```\n# x"]}))
    card = _card(model, tmp_path)
    _, front, body = card.split("---\n", 2)
    assert "\x1b" not in card
    loaded = yaml.safe_load(front)
    assert loaded["model-index"][0]["name"].startswith("<img src=x> [a](http://b)")
    assert "<img" not in body.replace("\\<img", "")
    assert "](" not in body.replace("\\](", "")
    assert "\n# x" not in body
    assert [line for line in body.splitlines() if line.startswith("# ")] == [
        "# \\<img src=x\\> \\[a\\](http\\://b) \\`c\\` \\| \\*d\\* \\\\x1b\\[31m \\# e"
    ]


def test_markdown_of_text_and_code() -> None:
    assert markdown_text("a_b | c\n# d www.e.f") == "a\\_b \\| c \\# d www\\.e.f"
    assert code_block("a\n```\nb", "sh") == "````sh\na\n```\nb\n````"


def test_a_model_without_records_has_a_card() -> None:
    card = _card(replace(exported_model(), training={}))
    assert "No results were recorded." in card
    assert "The data set was not recorded." in card
    assert "The recipe was not recorded." in card
    assert _data(card).pipeline_tag == "image-classification"


def test_a_readme_that_somebody_wrote_or_changed_stays(tmp_path: Path) -> None:
    model, files = _model(), [tmp_path / name for name in FILES]
    card = write_card(None, model, files, tmp_path)
    assert card == tmp_path / "README.md"
    assert write_card(None, replace(model, eval_size=24), files, tmp_path) == card
    assert "24 px" in card.read_text()
    edited = card.read_text().replace("## Limits", "## Limits of mine")
    card.write_text(edited)
    other = write_card(None, model, files, tmp_path)
    assert other == tmp_path / "README.nas-export.md"
    assert card.read_text() == edited
