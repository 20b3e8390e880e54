"""A search from settings to files: images, ledger, engine, workers, best.json."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from rich.console import Console

from nas.candidate import Record
from nas.costs.predictor import CostPredictor
from nas.costs.screening import PreTrainingFilter
from nas.engine.engine import Engine
from nas.engine.ledger import LEDGER, HeldError, Ledger, read_ledger
from nas.engine.limits import Limits, TooManyFailuresError
from nas.engine.result_files import Results
from nas.evaluation.evaluator import EvaluatorFactory
from nas.evaluation.step_time_table import table_of_run
from nas.execution.ray_actors import run_with_actors
from nas.fidelity.rung_costs import rung_notes
from nas.fidelity.wiring import make_engine, make_evaluate_factory, tidy_checkpoints
from nas.finalists.finalists import Finals, winner
from nas.finalists.round import FinalRound
from nas.report.notes import final_notes, search_notes
from nas.report.outputs import write_outputs
from nas.report.progress import SearchProgress
from nas.run_folder.files import write_best, write_config, write_environment
from nas.run_folder.identity import MAY_CHANGE, describe_images, run_settings
from nas.session import MIRROR_PATIENCE_S, mirror_of, session_limits, time_note
from nas.settings.config import SearchConfig
from nas.settings.start_points import start_points
from search_space.space import SearchSpace
from trainer.cluster.ray_session import ray_session
from trainer.data.cache.images import CachedImages
from trainer.stop_signals import stop_signals

RESULTS = "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search leaves behind.

    Attributes:
        records: Every candidate so far, also those of earlier sessions.
        files: What was written, the most important first.
        stopped: Whether a signal stopped it before its budget.
        failures: Why it stopped if too many candidates failed in a row, else None.
        note: What else there is to say of how it went, one sentence a line.
        finals: The finalists after their further trainings; None where there are none.
    """

    records: tuple[Record, ...]
    files: tuple[Path, ...]
    stopped: bool
    failures: TooManyFailuresError | None
    note: str
    finals: Finals | None = None

    @property
    def best(self) -> Record | None:
        """The winner: of the finalists, or else of all candidates; None where none can win."""
        return winner(self.records, self.finals)


def run_search(
    config: SearchConfig,
    folder: Path,
    images: CachedImages,
    *,
    console: Console,
    dashboard: bool = False,
) -> SearchResult:
    """Search until the budget is spent, or go on with a search that was interrupted.

    Args:
        config: Settings; a run that is there already must have been made with the same ones.
        folder: The run's folder, made if need be.
        images: The decoded images of ``config.data``.
        console: Where progress is shown.
        dashboard: Whether a Ray that is started here serves its dashboard.

    Raises:
        ValueError: If the settings differ from those of the run, another process has it, or
            there is no room for the workers.
        OSError: If the folder cannot be written.
    """
    space = SearchSpace.load(config.space)
    starts = start_points(config.start_from, space)
    settings = run_settings(config, space, images, starts)
    with (
        _folder_of_run(folder),
        Ledger(folder / LEDGER, settings, may_change=MAY_CHANGE) as ledger,
        mirror_of(config, folder, ledger.run_id, space) as mirror,
    ):
        limits = session_limits(config, ledger.history)
        table = table_of_run(config, space, images, folder, console)
        predictor = CostPredictor(
            space, config.proxy, images.num_classes, table, w=config.w, v=config.v
        )
        screen = PreTrainingFilter(config.constraints, predictor).violation
        engine = make_engine(
            config,
            space,
            ledger,
            screen=screen,
            first=[start.choices for start in starts],
            forecast=predictor.log_cost_factor,
        )
        for start in starts:
            console.print(start.note(), highlight=False, markup=False, soft_wrap=True)
        write_config(folder, config)
        write_environment(folder, config, describe_images(images))
        last = FinalRound.of_run(folder, config, ledger.run_id)
        signal, failures = None, None
        mirror.add(engine.records())
        is_going_on = not limits.time_is_up and _has_work(engine)
        if is_going_on or last.missing(engine.records()):
            results = Results(folder=(folder / RESULTS).resolve(), run_id=ledger.run_id)
            factory = EvaluatorFactory(
                config=config, space=space, images=images.path, predictor=predictor
            )
            with SearchProgress(console, budget=config.budget, ends=limits.ends) as progress:
                progress.start(engine.records())

                def on_told(record: Record) -> None:
                    mirror.add([record])
                    tidy_checkpoints(engine, folder)
                    progress.update(record)
                    if engine.best is record:
                        write_best(folder, record, config, space)

                try:
                    signal = _execute(
                        engine,
                        factory,
                        results,
                        last,
                        progress,
                        on_told,
                        limits,
                        console=console,
                        dashboard=dashboard,
                    )
                except TooManyFailuresError as error:
                    failures = error
            tidy_checkpoints(engine, folder)
        finals = last.finals(engine.records())
        files = write_outputs(folder, engine.records(), finals, config, space)
        notes = [*search_notes(engine), time_note(config, limits, engine)]
        notes += [*rung_notes(engine.records()), *(final_notes(finals) if finals else [])]
        notes.append(mirror.close(patience_s=0 if signal else MIRROR_PATIENCE_S))
        return SearchResult(
            records=engine.records(),
            files=files,
            stopped=signal is not None,
            failures=failures,
            note="\n".join(filter(None, notes)),
            finals=finals,
        )


@contextmanager
def _folder_of_run(folder: Path) -> Iterator[None]:
    """Make the run's folder; one that was made in vain, for a bad setting, goes again."""
    try:
        folder.mkdir(parents=True)
        is_new = True
    except FileExistsError:
        is_new = False
    (folder / RESULTS).mkdir(exist_ok=True)
    try:
        yield
    except HeldError:  # by another search, which came to this folder at the same moment
        raise
    except (ValueError, OSError):
        if is_new and _has_nothing(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _has_nothing(folder: Path) -> bool:
    """Whether a run has nothing to lose: no candidate ever came to an end."""
    if any((folder / RESULTS).glob("*.json")):
        return False
    try:
        events = read_ledger(folder / LEDGER).events
        return all(event["event"] not in ("told", "rung") for event in events)
    except FileNotFoundError:
        return True
    except (ValueError, OSError):  # damaged: for somebody to look at
        return False


def _has_work(engine: Engine) -> bool:
    """Whether a worker is needed; what is asked here is in flight, and goes out first."""
    return bool(engine.pending()) or engine.ask() is not None


def _execute(
    engine: Engine,
    factory: EvaluatorFactory,
    results: Results,
    last: FinalRound,
    progress: SearchProgress,
    on_told: Callable[[Record], None],
    limits: Limits,
    *,
    console: Console,
    dashboard: bool,
) -> Signals | None:
    """Run the candidates with the chosen executor, and then the best of them again.

    Returns:
        The signal that stopped it, if any.
    """
    config = factory.config
    with (
        stop_signals() as stop,  # a signal while Ray starts waits until Ray is up
        ray_session(
            workers=config.workers,
            gpus_per_worker=config.gpus_per_worker,
            address=config.address,
            dashboard=dashboard,
        ) as session,
    ):
        if session.note:
            console.print(session.note, highlight=False, soft_wrap=True)
        if stop.requested():
            return stop.signal
        run = run_with_actors
        if config.executor == "tune":
            # Here, because it imports Ray, and a session of our own sets Ray's environment first.
            from nas.execution.ray_tune import run_with_tune as run
        signal = None
        if not limits.time_is_up and _has_work(engine):
            make = make_evaluate_factory(factory, results.folder.parent)
            signal = run(
                engine,
                session,
                make,
                results=results,
                on_told=on_told,
                on_note=progress.note,
                limits=limits,
            )
        if signal is None:
            signal = last.run(session, factory, engine.records(), limits, progress.note)
        return signal
