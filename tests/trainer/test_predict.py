"""Classifier: every kind of image gives the same result, and equals the evaluation's outputs."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.toys.images import class_folders, encoded, picture
from tests.toys.model import CLASSES, toy_model
from trainer.config import ReadingConfig
from trainer.data.prepare import prepare
from trainer.fit.evaluation import evaluation_batches
from trainer.fit.processes import Processes
from trainer.inference.outputs import network_outputs
from trainer.model_file import save_model
from trainer.predict import Classifier
from trainer.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    save_model(folder / "model.pt", toy_model())
    return folder


@pytest.fixture(scope="module")
def classifier(run: Path) -> Classifier:
    return Classifier.load(run, device="cpu")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(picture(7)))
    return path


def test_probabilities_are_those_of_the_evaluation(classifier: Classifier, tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "set", {"a": 3, "b": 2})
    images = prepare(str(folder), 20, ReadingConfig(fit="pad"), cache_dir=tmp_path / "caches")
    split = images.splits["train"]
    batches = evaluation_batches(split, np.arange(5), Processes(), image_size=16, crop=1.0)
    assert batches is not None
    network = toy_model().network("ema")
    ((logits, _),) = network_outputs(network, batches.epoch(0), torch.device("cpu"))
    expected = np.exp(logits.double().numpy())
    expected /= expected.sum(axis=1, keepdims=True)
    found = classifier.probabilities(folder)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.std(axis=0).min() > 1e-3  # the images differ
    predicted = classifier.predict(folder, top_k=2)
    assert [one.image for one in predicted] == [
        str(folder / name) for name in ("a/0.png", "a/1.png", "a/2.png", "b/0.png", "b/1.png")
    ]
    assert [CLASSES.index(one.label) for one in predicted] == expected.argmax(axis=1).tolist()
    assert [one.probability for one in predicted] == pytest.approx(expected.max(axis=1))
    assert {len(one.classes) for one in predicted} == {2}


@pytest.mark.parametrize(
    "given",
    [
        lambda path: path,
        str,
        lambda path: [path],
        lambda path: path.read_bytes(),
        lambda path: Image.open(path),
        lambda path: np.asarray(Image.open(path)),
        lambda path: np.asarray(Image.open(path))[None],
        lambda path: (one for one in [path]),
    ],
    ids=["Path", "str", "list", "bytes", "Pillow", "array", "array of several", "generator"],
)
def test_every_kind_of_image_gives_the_same_probabilities(
    classifier: Classifier, photo: Path, given: Callable[[Path], object]
) -> None:
    expected = classifier.probabilities(photo)
    assert expected.shape == (1, 3)
    assert expected.sum() == pytest.approx(1)
    found = classifier.probabilities(given(photo))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, expected)


def test_kinds_may_be_mixed_and_pictures_in_memory_are_named_by_position(
    classifier: Classifier, photo: Path
) -> None:
    found = classifier.predict([photo.read_bytes(), photo, picture(3)], top_k=1)
    assert [one.image for one in found] == ["image 0", str(photo), "image 2"]
    assert found[0].classes == found[1].classes


def test_batches_do_not_change_what_is_predicted(classifier: Classifier) -> None:
    pictures = [picture(seed) for seed in range(5)]
    one, all_at_once = (classifier.probabilities(pictures, batch_size=size) for size in (1, 9))
    np.testing.assert_allclose(one, all_at_once, rtol=1e-5)


def test_no_images_have_no_predictions(classifier: Classifier) -> None:
    assert classifier.predict([]) == []
    assert classifier.probabilities([]).shape == (0, 3)


def test_a_network_that_has_diverged_predicts_nothing(photo: Path) -> None:
    model = toy_model()
    bias = torch.full_like(model.ema["classifier.bias"], np.nan)
    diverged = Classifier(replace(model, ema={**model.ema, "classifier.bias": bias}), device="cpu")
    for ask in (diverged.probabilities, diverged.predict):
        with pytest.raises(ValueError, match="outputs are not finite"):
            ask(photo)


def test_the_weights_and_the_size_can_be_chosen(run: Path, photo: Path) -> None:
    plain = Classifier.load(run / "model.pt", device="cpu")
    assert (plain.class_names, plain.image_size, plain.notes) == (CLASSES, 16, ())
    raw = Classifier.load(run, device="cpu", weights="raw")
    larger = Classifier.load(run, device="cpu", image_size=24)
    assert "decoded at 24 px" in larger.notes[0]
    values = [one.probabilities(photo)[0, 0] for one in (plain, raw, larger)]
    assert len(set(values)) == 3


def test_levels_and_fit_are_those_of_the_model(photo: Path) -> None:
    cropping = Preprocessing(decoded_size=20, fit="crop", eval_crop=0.5, decoding=2)
    found = [
        Classifier(toy_model(preprocessing=one), device="cpu").probabilities(photo)
        for one in (toy_model().preprocessing, cropping)
    ]
    assert not np.allclose(found[0], found[1])


def test_an_unreadable_image_is_an_error_or_is_reported(
    classifier: Classifier, photo: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    with pytest.raises(ValueError, match=r"bad\.png: it is empty"):
        classifier.predict([photo, bad])
    with pytest.raises(ValueError, match="image 0: it is empty"):
        classifier.probabilities(b"")
    reported: list[tuple[str, str]] = []
    found = classifier.predict(
        [bad, photo], on_unreadable=lambda name, reason: reported.append((name, reason))
    )
    assert [one.image for one in found] == [str(photo)]
    assert reported == [(str(bad), "it is empty (0 bytes)")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device must be auto, cpu, cuda or cuda:N, got 'gpu'"),
        ({"weights": "best"}, "must be ema or raw, got 'best'"),
        ({"precision": "fp16"}, "precision must be fp32 or bf16, got 'fp16'"),
        ({"image_size": 7}, "image_size must be a whole number >= 8, got 7"),
    ],
)
def test_a_wrong_option_is_an_error(run: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Classifier.load(run, **options)  # type: ignore[arg-type]


def test_a_wrong_argument_is_an_error(classifier: Classifier, photo: Path) -> None:
    with pytest.raises(ValueError, match="top_k must be a whole number >= 1, got 0"):
        classifier.predict(photo, top_k=0)
    with pytest.raises(ValueError, match="batch_size must be a whole number >= 1, got 0"):
        classifier.predict(photo, batch_size=0)
    with pytest.raises(ValueError, match="there is no such file or folder"):
        classifier.predict([photo, "missing.png"])
    with pytest.raises(ValueError, match="this folder holds no model"):
        Classifier.load(photo.parent)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_predicts_as_a_cpu_does(classifier: Classifier, run: Path) -> None:
    pictures = [picture(seed) for seed in range(5)]
    on_gpu = Classifier.load(run, device="cuda").probabilities(pictures, batch_size=2)
    np.testing.assert_allclose(on_gpu, classifier.probabilities(pictures), atol=1e-2)


@pytest.mark.parametrize("page", ["README.md", "docs/predict.md"])
def test_the_lines_of_the_documentation_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "Classifier" in block
    ]
    for name in ("runs/flowers", "runs/flowers-L"):
        (tmp_path / name).mkdir(parents=True)
        save_model(tmp_path / name / "model.pt", toy_model())
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        (tmp_path / name).write_bytes(encoded(picture(seed), "JPEG"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, page, "exec"), {})
    printed = capsys.readouterr().out
    assert "a.jpg" in printed
    assert "b.jpg" in printed
    assert any(name in printed for name in CLASSES)
