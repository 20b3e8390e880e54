"""Facts of a training in plain words: large numbers, the search's accuracy, files, settings."""

import shlex
from collections.abc import Mapping
from typing import Any

from nas.report.frame.table import Cell, Column, Row, Table
from nas.report.tables import count
from nas.report.training_page.judged import SPLIT_WORDS
from nas.report.training_page.phases import accuracy_of, total_epochs
from nas.report.training_page.reading import TrainingRun
from nas.settings.config import flat_settings
from search_space.counted import counted
from trainer.evaluation.metrics import wilson_interval

EXPORTS = "export"  # folder of nas-export in a run's folder
Figure = tuple[str, str, str]  # name, value, explanation


def state_words(run: TrainingRun) -> str:
    """Return the state of a training, such as ``running, step 300 of 1,200``."""
    if run.state == "finished":
        return "finished"
    total = f" of {run.total_steps:,}" if run.total_steps is not None else ""
    return f"{run.state}, step {run.step:,}{total}"


def key_figures(run: TrainingRun) -> tuple[Figure, ...]:
    """Return the large numbers at the top of the page."""
    summary = run.summary or {}
    found = [_accuracy(run)]
    if params := summary.get("num_params"):
        found.append(("parameters", count(params), _macs(summary)))
    if run.total_steps is not None:
        epochs = total_epochs(run)
        said = [] if epochs is None else ["1 epoch" if epochs == 1 else f"{epochs:.3g} epochs"]
        batch = run.recipe.get("batch_size")
        said += [f"{batch:,} images in each step"] if isinstance(batch, int) else []
        found.append(("steps", f"{run.step:,}", "; ".join(said)))
    seconds = summary.get("train_seconds") or _last(run, "train_seconds")
    if seconds:
        device = summary.get("device") or run.environment.get("device") or ""
        found.append(("training time", time_words(float(seconds)), str(device)))
    return tuple(one for one in found if one is not None)


def _last(run: TrainingRun, column: str) -> float:
    """Return a number of the last evaluation in the training; 0 without."""
    return run.rows[-1].get(column, 0.0) if run.rows else 0.0


def time_words(seconds: float) -> str:
    """Return a length of time in its largest two units, such as ``1 h 05 min``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def _accuracy(run: TrainingRun) -> Figure | None:
    """Return the accuracy with its interval: of an evaluation, or else of the last one so far."""
    for split, record in run.evaluations.items():
        best = record.result
        interval = _interval(best.top1_low, best.top1_high)
        words = f"{interval}; {record.num_images:,} {SPLIT_WORDS[split]}"
        return "accuracy", f"{100 * best.top1:.2f} %", words
    top1 = accuracy_of(run.rows[-1]) if run.rows else None
    if top1 is None:
        return None
    name = "accuracy" if run.state == "finished" else "accuracy so far"
    number, images = _evaluated(run)
    if number is None:
        return name, f"{100 * top1:.2f} %", "images that are not trained on"
    interval = _interval(*wilson_interval(round(top1 * number), number))
    return name, f"{100 * top1:.2f} %", f"{interval}; {number:,} {images}"


def _interval(low: float, high: float) -> str:
    return f"95 % interval {100 * low:.2f} to {100 * high:.2f} %"


def _evaluated(run: TrainingRun) -> tuple[int | None, str]:
    """Return the number of images that the training is evaluated on, and what they are."""
    of = (run.summary or run.plan).get("evaluated_on")
    words = SPLIT_WORDS.get(str(of), "images that are not trained on")
    number = (run.summary or run.plan).get("num_evaluated")
    return (number if isinstance(number, int) and number > 0 else None), words


def _macs(summary: Mapping[str, Any]) -> str:
    macs, size = summary.get("macs"), summary.get("eval_size")
    return f"{count(macs)} multiply-adds at {size} px" if macs and size else ""


def search_table(run: TrainingRun) -> Table | None:
    """Return what the search measured for this network and this training; None without one.

    A scaled or a published network has no accuracy from a search.
    """
    found = run.architecture.get("metrics") or {}
    origin = run.architecture.get("provenance") or {}
    accuracy = found.get("accuracy") if isinstance(found, dict) else None
    if not isinstance(accuracy, float) or not isinstance(origin, dict):
        return None
    settings, finalist = origin.get("settings") or {}, origin.get("finalist")
    here = _here(run)
    epochs, seeds = settings.get("proxy.epochs"), 1
    if isinstance(finalist, dict):
        epochs, seeds = finalist.get("epochs"), len(finalist.get("accuracies") or [0])
    held_out = settings.get("proxy.holdout")
    share = ""
    if isinstance(held_out, float) and held_out < 1:
        share = f"{100 * held_out:.3g} % of the training images"
    rows: tuple[tuple[str, Cell, Cell], ...] = (
        ("accuracy, %", 100 * accuracy, here["accuracy"]),
        ("trainings", f"{seeds}, the mean" if seeds > 1 else "1", "1"),
        ("epochs", epochs, here["epochs"]),
        ("image size in training, px", settings.get("proxy.image_size"), here["train_size"]),
        ("image size in evaluation, px", settings.get("proxy.image_size"), here["eval_size"]),
        ("judged on", share or "held-out training images", here["judged_on"]),
        ("images", settings.get("data"), here["data"]),
        ("number of training images", _other_images(settings), here["images"]),
    )
    return Table(
        name="search-and-training",
        caption="The same network in the search and in this training",
        columns=(
            Column(head=""),
            Column(head=f"search {origin.get('run', '')}".strip()),
            Column(head="this training"),
        ),
        rows=tuple(Row((name, _cell(before), _cell(now))) for name, before, now in rows),
    )


def _here(run: TrainingRun) -> dict[str, Any]:
    sizes = sorted({int(row["image_size"]) for row in run.rows if "image_size" in row})
    record = next(iter(run.evaluations.values()), None)
    summary = run.summary or {}
    top1 = record.result.top1 if record else accuracy_of(run.rows[-1]) if run.rows else None
    number, words = (record.num_images, SPLIT_WORDS[record.split]) if record else _evaluated(run)
    return {
        "accuracy": None if top1 is None else 100 * top1,
        "epochs": total_epochs(run),
        "train_size": f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else next(iter(sizes), None),
        "eval_size": record.image_size if record else summary.get("eval_size"),
        "judged_on": words if number is None else f"{number:,} {words}",
        "data": run.images.get("data") or run.images.get("name"),
        "images": summary.get("num_images") or run.plan.get("num_images"),
    }


def _other_images(settings: Mapping[str, Any]) -> str:
    most = settings.get("proxy.max_images")
    return f"at most {most:,}" if isinstance(most, int) else "all but the held-out ones"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def settings_pairs(run: TrainingRun) -> tuple[tuple[str, str], ...]:
    """Return the settings of the recipe that have a value, with their dotted names."""
    settings = flat_settings(run.recipe).items()
    return tuple((name, _setting(value)) for name, value in settings if value is not None)


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(_setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def origin_pairs(run: TrainingRun) -> tuple[tuple[str, str], ...]:
    """Return where and when the training ran: device, versions, dates, images, seed."""
    environment, summary = run.environment, run.summary or {}
    packages, images = environment.get("packages") or {}, run.images
    version = summary.get("torch_version") or packages.get("torch")
    pairs = (
        ("network", f"{run.architecture.get('name', '')} ({run.architecture.get('key', '')})"),
        ("images", images.get("name") or run.settings.get("images")),
        ("seed", run.settings.get("seed")),
        ("started", environment.get("date")),
        ("device", summary.get("device") or environment.get("device")),
        ("precision", summary.get("precision") or run.settings.get("precision")),
        ("workers", run.settings.get("workers")),
        ("compiled", _setting(run.settings.get("compiled", False))),
        ("initial weights", run.settings.get("init_from") or "random"),
        ("host", environment.get("host")),
        ("torch", version),
        ("Python", environment.get("python")),
        ("commit", environment.get("commit")),
    )
    return tuple((name, str(value)) for name, value in pairs if value not in (None, ""))


def command_lines(run: TrainingRun) -> tuple[str, ...]:
    """Return the commands of the training and of its evaluations, without repetition."""
    commands = [run.environment.get("command")]
    commands += [list(record.command) for record in run.evaluations.values()]
    texts = (shlex.join(map(str, words)) for words in commands if isinstance(words, list))
    return tuple(dict.fromkeys(text for text in texts if text))


def export_rows(run: TrainingRun) -> tuple[tuple[str, int], ...]:
    """Return the files of nas-export in the run's folder, with their bytes."""
    folder = run.folder / EXPORTS
    if not folder.is_dir():
        return ()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    shown = (path for path in files if not path.name.startswith("."))
    return tuple((str(path.relative_to(run.folder)), path.stat().st_size) for path in shown)


def notes(run: TrainingRun) -> tuple[str, ...]:
    """Return the notes on the images, and what went wrong in the training, a sentence each."""
    summary = run.summary or {}
    images = summary.get("notes") or run.images.get("notes") or []
    found = [str(note) for note in images] if isinstance(images, list) else []
    skipped = summary.get("skipped_steps") or (
        run.rows[-1].get("skipped_steps") if run.rows else 0
    )
    if skipped:
        were = "was not applied: its gradient was" if skipped == 1 else "were not applied: their"
        were += "" if skipped == 1 else " gradients were"
        found.append(f"{counted(round(skipped), 'step')} {were} not finite")
    if rewinds := summary.get("rewinds"):
        times = counted(rewinds, "time")
        found.append(f"the training returned {times} to an earlier step, more slowly")
    return tuple(found)
