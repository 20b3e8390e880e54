"""One session of a search: its parts, candidates, finalists, and files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import Signals

from rich.console import Console

from nas.candidate import Record
from nas.costs.extremes import require_satisfiable
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.job_queue import JobObserver, JobQueue
from nas.dispatch.limits import Limits, TooManyFailuresError
from nas.dispatch.result_files import ResultFiles, damage_notes
from nas.engine.engine import Engine
from nas.engine.ledger import LEDGER, Ledger
from nas.evaluation.evaluator import EvaluatorFactory
from nas.evaluation.step_time_table import table_of_run
from nas.execution.ray_actors import run_with_actors
from nas.finalists.finalist_round import FinalistRound
from nas.finalists.finalists import winner
from nas.mirror.mirror import Mirror, NoMirror
from nas.report.notes import final_notes, rung_notes, search_notes
from nas.report.outputs import write_outputs
from nas.report.overview import opening_notes, search_rows, time_rows
from nas.report.progress import SearchProgress
from nas.report.time_left import SearchWork
from nas.report.tracked import candidate_metrics, tracked_search
from nas.run_folder.files import RunFiles, written_settings
from nas.run_folder.opening import MAY_CHANGE, RESULTS, opened_run_folder, run_settings
from nas.run_folder.resuming import require_same_run
from nas.search_result import SearchResult
from nas.session import (
    MIRROR_PATIENCE_S,
    cost_predictor,
    make_engine,
    make_evaluator_factory,
    mirror_of,
    session_limits,
    time_note,
)
from nas.settings.config import SearchConfig
from search_space.command_line.command import print_lines
from search_space.command_line.waiting import said_if_slow
from search_space.nearest import start_points
from search_space.space import SearchSpace
from trainer.cluster.ray_session import RaySession, ray_session
from trainer.data.cache.images import CachedImages
from trainer.data.overview import aligned
from trainer.stop_signals import stop_signals
from trainer.trackers.selection import Trackers


def run_search(
    config: SearchConfig,
    folder: Path,
    images: CachedImages,
    *,
    console: Console,
    dashboard: bool = False,
    trackers: Sequence[str] = (),
) -> SearchResult:
    """Search until the budget is spent, or resume a search that was interrupted.

    Args:
        config: Settings; an existing run must have been made with the same ones.
        folder: The run's folder, made if it does not exist.
        images: The decoded images of ``config.data``.
        console: Where progress is shown.
        dashboard: Whether a Ray that is started here serves its dashboard.
        trackers: Trackers that receive the candidates, by name.

    Raises:
        ValueError: If the run has other settings, is being searched, or workers have no room.
        OSError: If the folder cannot be written.
    """
    space = SearchSpace.load(config.space)
    starts = start_points(config.start_from, space)
    settings = run_settings(config, space, images, starts)
    require_same_run(folder, settings, images, config.reading)
    require_satisfiable(cost_predictor(config, space, images.num_classes))
    with (
        opened_run_folder(folder),
        Ledger(folder / LEDGER, settings, may_change=MAY_CHANGE) as ledger,
        mirror_of(config, folder, ledger.run_id, space) as mirror,
    ):
        results = ResultFiles(folder=(folder / RESULTS).resolve(), run_id=ledger.run_id)
        finalist_round = FinalistRound.of_run(folder, config, ledger.run_id)
        for files_of in (results, finalist_round.results):
            print_lines(console, *damage_notes(files_of.set_aside_damaged()))
        print_lines(console, *aligned(*search_rows(config, space, images)))
        table = table_of_run(config, space, images, folder, console)
        predictor = cost_predictor(config, space, images.num_classes, table)
        require_satisfiable(predictor)
        engine = make_engine(config, ledger, predictor, [start.choices for start in starts])
        rows = time_rows(config, space, images, table, engine.records())
        print_lines(console, *aligned(*rows), *opening_notes(config, space, images, starts))
        files = written_settings(folder, config, space, images)
        mirror.add(engine.records())
        return _Session(
            files=files,
            engine=engine,
            results=results,
            finalist_round=finalist_round,
            limits=session_limits(config, ledger.history),
            mirror=mirror,
            console=console,
            dashboard=dashboard,
            make_evaluator=make_evaluator_factory(
                config, images.path, folder, predictor, finalist_round.predictions
            ),
            tracked=tracked_search(trackers, files, console),
        ).run()


class _RunObserver(JobObserver):
    """Updates the run's files, mirror and progress display with each outcome."""

    def __init__(self, session: "_Session", progress: SearchProgress) -> None:
        self._session, self._progress = session, progress

    def completed(self, record: Record) -> None:
        session = self._session
        session.mirror.add([record])
        if metrics := candidate_metrics(record):
            session.tracked.log(metrics, record.candidate.number)
        session.tidy_checkpoints()
        self._progress.completed(record)
        if session.engine.best is record:
            session.files.write_best(record)

    def note(self, line: str) -> None:
        self._progress.note(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """One session of a search: its parts, and the steps from candidates to files."""

    files: RunFiles
    engine: Engine
    results: ResultFiles
    finalist_round: FinalistRound
    limits: Limits
    mirror: Mirror | NoMirror
    console: Console
    dashboard: bool
    make_evaluator: EvaluatorFactory
    tracked: Trackers

    def run(self) -> SearchResult:
        """Do what is left of the search, and write its files."""
        signal, failures = None, None
        if self._ensure_job() or self.finalist_round.missing(self.engine.records()):
            work, ends = SearchWork.of(self.files.config), self.limits.ends
            records = self.engine.records()
            with SearchProgress(self.console, records, work=work, ends=ends) as progress:
                try:
                    signal = self._execute(progress)
                except TooManyFailuresError as error:
                    failures = error
            self.tidy_checkpoints()
        return self._conclude(signal, failures)

    def tidy_checkpoints(self) -> None:
        """Remove the checkpoints from which no rung can start any more."""
        if self.make_evaluator.checkpoints is not None:
            self.make_evaluator.checkpoints.tidy(self.engine.checkpoints_in_use())

    def _ensure_job(self) -> bool:
        """Return whether there is a job; one that is asked for here is in flight from now on."""
        if self.limits.time_is_up:
            return False
        return bool(self.engine.pending()) or self.engine.ask() is not None

    def _execute(self, progress: SearchProgress) -> Signals | None:
        """Train the candidates, and the best of them again; return the signal that stopped it."""
        config = self.files.config
        with (
            stop_signals() as stop,  # a signal while Ray starts waits until Ray has started
            ray_session(
                workers=config.workers,
                gpus_per_worker=config.gpus_per_worker,
                address=config.address,
                dashboard=self.dashboard,
                say=progress.waiting,
            ) as ray,
        ):
            if ray.note:
                print_lines(self.console, ray.note)
            progress.started()
            if stop.requested():
                return stop.signal
            if self._ensure_job():
                observer = _RunObserver(self, progress)
                queue = Dispatcher(
                    self.engine, self.results, limits=self.limits, observer=observer
                )
                if signal := self._run_queue(queue, ray):
                    return signal
            return self.finalist_round.run(
                ray, self.make_evaluator, self.engine.records(), self.limits, progress
            )

    def _run_queue(self, queue: JobQueue, ray: RaySession) -> Signals | None:
        if self.files.config.executor == "actors":
            return run_with_actors(queue, ray, self.make_evaluator)
        # Imported here, because a session sets Ray's environment before Ray is imported.
        from nas.execution.ray_tune import run_with_tune

        return run_with_tune(queue, ray, self.make_evaluator)

    def _conclude(
        self, signal: Signals | None, failures: TooManyFailuresError | None
    ) -> SearchResult:
        engine, records = self.engine, self.engine.records()
        finals = self.finalist_round.finals(records)
        say = partial(print_lines, self.console)
        with said_if_slow("writing the tables and the report", say):
            files = write_outputs(self.files, records, finals)
        best = winner(records, finals)
        ended = signal is None and failures is None
        self.tracked.finish(candidate_metrics(best) if ended and best else None)
        with said_if_slow("waiting until the mirror has all candidates", say):
            missing = self.mirror.close(patience_s=0 if signal else MIRROR_PATIENCE_S)
        notes = [
            *search_notes(engine),
            time_note(self.files.config, self.limits, engine),
            *rung_notes(records),
            *(final_notes(finals) if finals else []),
            missing,
        ]
        return SearchResult(
            records=records,
            files=files,
            stopped=signal,
            failures=failures,
            note="\n".join(filter(None, notes)),
            finals=finals,
        )
