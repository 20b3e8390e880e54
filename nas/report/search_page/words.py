"""Sentences of the page: the winner, why accuracies differ, the next commands, the facts."""

import shlex
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nas.candidate import Record, State
from nas.finalists.finalists import Finalist
from nas.report.next_steps import scale_command, train_command
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import count, milliseconds, percent
from search_space.command_line.progress_line import clock
from search_space.counted import counted

Figure = tuple[str, str, str]  # name, value, what is said about it


def counts_line(run: SearchRun) -> str:
    """Return how many candidates there are of each kind."""
    counts = Counter(record.outcome.state for record in run.records)
    trained, dropped = counts[State.COMPLETE], counts[State.DROPPED]
    return (
        f"{counted(trained, 'candidate')} trained, {counts[State.FAIL]} failed, "
        f"{counts[State.INFEASIBLE]} refused by a constraint"
        + (f", {dropped} timed and not trained" if dropped else "")
    )


def winner_figures(run: SearchRun, best: Record) -> tuple[Figure, ...]:
    """Return the figures of the winner: each accuracy with what it comes from."""
    costs = best.outcome.costs
    final, before = _final(run), run.winner_in_search
    epochs = run.files.config.proxy.epochs
    accuracies: list[Figure] = []
    if final is not None:
        accuracies.append(
            (
                "accuracy, further trainings",
                percent(best.outcome.training.accuracy),
                _of_further_trainings(len(final.trained), final.trainings[0].epochs),
            )
        )
    if before is not None:
        accuracies.append(
            (
                "accuracy in the search",
                percent(before.outcome.training.accuracy),
                f"one short training, {counted(epochs, 'epoch')}",
            )
        )
    source = "of the further trainings" if final else "of the search's training"
    return (
        *accuracies,
        ("step time", milliseconds(costs.step_time_s), _relative(costs.relative_step_time)),
        ("parameters", count(costs.num_params), _relative(costs.relative_params)),
        ("reward", f"{best.outcome.reward:.4f}", source),
    )


def _of_further_trainings(trained: int, epochs: int) -> str:
    long = counted(epochs, "epoch")
    return f"mean of {trained} trainings, {long} each" if trained > 1 else f"one training, {long}"


def winner_words(run: SearchRun) -> tuple[str, ...]:
    """Return sentences on where the winner stands in the charts."""
    final = _final(run)
    if final is not None:
        trained = len(final.trained)
        again = f"mean of {trained} further trainings" if trained > 1 else "further training"
        return (
            f"The {again} is the orange diamond in the charts; the training of the search is the "
            "orange star.",
        )
    if run.finals is not None:
        return (
            "The accuracy is that of one short training, the orange star in the charts: every "
            "further training failed.",
        )
    if run.files.config.num_finalists:
        return (
            "The accuracy is that of one short training, the orange star in the charts. "
            "Finalists are trained again before a winner is named.",
        )
    return (
        "The accuracy is that of one short training, not repeated with another seed. It is the "
        "orange star in the charts.",
    )


def why_accuracies_differ(run: SearchRun) -> tuple[str, ...]:
    """Return one sentence for each of search, finalists and final training."""
    config = run.files.config
    proxy = config.proxy
    is_longer = config.epochs_of_finalists > proxy.epochs
    longer = "The longer training raises the accuracy. " if is_longer else ""
    return (
        f"Search: each candidate is trained once, for {counted(proxy.epochs, 'epoch')} at "
        f"{proxy.image_size} px, and measured on images that are held out of the training split. "
        "The best of many such trainings was also a lucky one, so that its accuracy is often "
        "higher than that of a repetition.",
        f"Finalists: the best are trained again with other seeds, for "
        f"{counted(config.epochs_of_finalists, 'epoch')}. A seed sets the weights, the order of "
        f"the images and which images are held out. {longer}A repetition lacks the luck of the "
        "first training. The mean decides.",
        "Final training: nas-train trains longer, with larger images and stronger augmentation, "
        "and often a larger network from nas-scale. Its accuracy on the test images is the one "
        "to quote, and is not comparable with the two others.",
    )


def next_commands(run: SearchRun) -> tuple[tuple[str, str], ...]:
    """Return what to do next, each with its command."""
    if run.is_running:
        return ()
    config, folder = run.files.config, run.files.folder
    resume = (("Continue the search where it stopped:", run.command),)
    return (
        *(resume if run.command and not run.is_decided else ()),
        ("Make the network larger:", shlex.join(scale_command(folder))),
        ("Train it as it was found:", shlex.join(train_command(config, folder))),
    )


def run_facts(run: SearchRun) -> tuple[tuple[str, str], ...]:
    """Return names and values: settings, dates, versions, device, images."""
    config, known = run.files.config, run.environment
    times = [event.time for event in run.events if event.time]
    limits = ", ".join(map(str, config.constraints))
    dates = (("started", _date(times[0])), ("last event", _date(times[-1]))) if times else ()
    return (
        *dates,
        ("budget", counted(config.budget, "candidate")),
        ("workers", str(config.workers)),
        ("epochs of a candidate", str(config.proxy.epochs)),
        ("images in a step", str(config.proxy.batch_size)),
        ("precision", config.proxy.precision),
        *((("constraints", limits),) if limits else ()),
        *_environment_facts(known),
    )


def finals_time(run: SearchRun) -> str:
    """Return a sentence on the duration of the further trainings; empty without any."""
    if not run.trainings:
        return ""
    seconds = sum(one.seconds for one in run.trainings)
    many = counted(len(run.trainings), "further training")
    return f"{many} of finalists took {clock(seconds)} of worker time more."


def date_now() -> str:
    """Return the present date and time in UTC."""
    return _date(datetime.now(UTC).timestamp())


def _environment_facts(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    device = known.get("device")
    if isinstance(device, dict):
        gpus = device.get("gpus") or []
        names = ", ".join(map(str, gpus)) or str(device.get("cpu", ""))
        cores = device.get("cores")
        some = f" ({counted(cores, 'core')})" if isinstance(cores, int) else ""
        facts.append(("device", f"{names}{some}"))
    facts += [(name, str(known[name])) for name in ("host", "platform") if known.get(name)]
    packages = known.get("packages")
    if isinstance(packages, dict):
        versions = [f"{name} {version}" for name, version in packages.items()]
        facts.append(("versions", ", ".join([f"Python {known.get('python')}", *versions])))
    if known.get("commit"):
        facts.append(("source code", f"commit {known['commit']}"))
    images = known.get("images")
    if isinstance(images, dict):
        counts = images.get("counts")
        if isinstance(counts, dict):
            facts.append(("images", ", ".join(f"{n:,} {name}" for name, n in counts.items())))
        if isinstance(images.get("classes"), list):
            facts.append(("classes", str(len(images["classes"]))))
        if images.get("native_size"):
            facts.append(("native size of the images", f"{images['native_size']} px"))
    return facts


def _final(run: SearchRun) -> Finalist | None:
    return run.finals.winner if run.finals else None


def _relative(ratio: float) -> str:
    return f"{ratio:.2f} times the reference network's"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
