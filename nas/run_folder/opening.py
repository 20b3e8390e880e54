"""A run's folder: opening it, reading it without locking, and the settings that identify it."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.candidate import Record, State
from nas.engine.events import RungTold, Told
from nas.engine.ledger import LEDGER, HeldError, LedgerContents, read_ledger
from nas.engine.search_state import read_search_state
from nas.evaluation.images import proxy_task
from nas.run_folder.files import RunFiles
from nas.settings.config import SearchConfig
from search_space.checks import shown
from search_space.checksum import has_right_comment
from search_space.leftovers import remove_drafts
from search_space.nearest import NearestPoint
from search_space.space import SearchSpace
from search_space.text_files import read_text
from trainer.config import Precision, parse_settings, validated
from trainer.data.cache.images import CachedImages
from trainer.proxy.step_timing import fastest_precision

RESULTS = "results"  # folder of the result files
CHECK = "proxy_check"  # folder of the trainings of --proxy-check
PRECISION = "precision"  # file in it with the precision of the check

# Data, space and start points are identified by their content, so that their names may change.
MAY_CHANGE = frozenset({"budget", "data", "space", "start_from"})


@contextmanager
def opened_run_folder(folder: Path) -> Iterator[None]:
    """Make the run's folder; a new one without any outcome is removed after an error.

    Raises:
        OSError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True)
        is_new = True
    except FileExistsError:
        is_new = False
    (folder / RESULTS).mkdir(exist_ok=True)
    for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        remove_drafts(place)  # of processes that were killed
    try:
        yield
    except HeldError:  # another search took the folder at the same moment
        raise
    except (ValueError, OSError):
        if is_new and not _has_outcomes(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _has_outcomes(folder: Path) -> bool:
    """Whether any candidate of the run has an outcome, or may have one."""
    if any((folder / RESULTS).glob("*.json")):
        return True
    try:
        events = read_ledger(folder / LEDGER).events
        return any(isinstance(event, Told | RungTold) for event in events)
    except FileNotFoundError:
        return False
    except (ValueError, OSError):  # damaged: the user decides
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRun:
    """Content of a run's folder.

    Attributes:
        files: The run's settings and search space, and the writer of its files.
        run_id: The ledger's identifier.
        records: All finished candidates.
    """

    files: RunFiles
    run_id: str
    records: tuple[Record, ...]


def read_run(folder: Path) -> ReadRun:
    """Read the run in `folder`, which may be in progress.

    Raises:
        ValueError: If the folder contains no run, or a file is damaged.
        OSError: If a file cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of a run")
    ledger, path = folder / LEDGER, folder / "config.yaml"
    if missing := [file.name for file in (path, ledger) if not file.exists()]:
        raise ValueError(f"{folder} holds no run: there is no {' and no '.join(missing)}")
    contents = read_ledger(ledger)
    try:
        text = read_text(path)
        config = validated(SearchConfig, parse_settings(text, place="the file"))
        _require_unchanged(text, config, contents)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged or was edited: {error}; the command that made the run writes it "
            f"again"
        ) from error
    records = tuple(read_search_state(ledger).records)
    _require_figures(ledger, records)
    return ReadRun(
        files=RunFiles(folder=folder, config=config, space=SearchSpace.load(config.space)),
        run_id=contents.run_id,
        records=records,
    )


def _require_figures(ledger: Path, records: Sequence[Record]) -> None:
    """Check that every trained candidate has its costs: old ledgers have no checksums."""
    for record in records:
        try:
            if record.outcome.state is State.COMPLETE:
                _ = record.outcome.costs
        except ValueError as error:
            raise ValueError(
                f"{ledger} is damaged: the line of candidate {record.candidate.number} lacks its "
                f"costs ({error}); put a copy of the file back"
            ) from error


def _require_unchanged(text: str, config: SearchConfig, contents: LedgerContents) -> None:
    """Raise ValueError if config.yaml was changed, or differs from the ledger."""
    is_right, settings = has_right_comment(text), contents.settings
    if is_right is False:
        raise ValueError("its checksum does not match its content")
    if is_right is None and contents.has_checksums:
        raise ValueError("it has no checksum, and the ledger has some")
    identity = json.loads(json.dumps(config.identity()))
    for name in sorted(identity.keys() & settings.keys() - MAY_CHANGE):
        if identity[name] != settings[name]:
            raise ValueError(
                f"setting {name} is {shown(identity[name])}, and {shown(settings[name])} in "
                f"{LEDGER}"
            )


def run_settings(
    config: SearchConfig,
    space: SearchSpace,
    images: CachedImages,
    starts: Sequence[NearestPoint] = (),
) -> dict[str, object]:
    """Return the settings that a resumed run has to agree with, except for `MAY_CHANGE`."""
    return {
        **config.identity(),
        "space.content": space.digest(),
        "data.content": images.path.name,
        # Costs on a GPU and on a CPU are not in proportion, so that one run must not mix them.
        "device": "cuda" if config.gpus_per_worker > 0 else "cpu",
        "budget": config.budget,
        **({"start_from.content": [start.key for start in starts]} if starts else {}),
    }


def run_precision(config: SearchConfig, folder: Path, images: CachedImages) -> Precision:
    """Return the precision of the run in `folder`.

    A new run has the precision of its proxy check, or else the fastest one on its device.
    """
    if (folder / LEDGER).exists():
        settings = read_ledger(folder / LEDGER).settings
        precision: Precision = settings.get("proxy.precision", config.proxy.precision)
        return precision
    if config.gpus_per_worker > 0:
        return "bf16"  # as on every GPU; the driver of a cluster may have none to measure on
    checked = folder / CHECK / PRECISION
    match read_text(checked).strip() if checked.exists() else "":
        case "fp32":
            return "fp32"
        case "bf16":
            return "bf16"
        case other if other:
            raise ValueError(f"{checked} is damaged, it has {shown(other)}; remove it")
    torch.set_num_threads(1)
    return fastest_precision(proxy_task(config, SearchSpace.load(config.space), images.path))
