"""Reading of a run's folder, without locking it."""

from dataclasses import dataclass
from pathlib import Path

from nas.candidate import Record
from nas.engine.ledger import LEDGER, read_ledger
from nas.engine.search_state import read_search_state
from nas.settings.config import SearchConfig
from trainer.config import parse_settings, validated


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRun:
    """Content of a run's folder.

    Attributes:
        config: The run's settings.
        run_id: The ledger's identifier.
        records: All finished candidates.
    """

    config: SearchConfig
    run_id: str
    records: tuple[Record, ...]


def read_run(folder: Path) -> ReadRun:
    """Read the run in `folder`, which may be in progress.

    Raises:
        ValueError: If the folder contains no run, or a file is damaged.
        OSError: If a file cannot be read.
    """
    ledger, path = folder / LEDGER, folder / "config.yaml"
    if missing := [file.name for file in (path, ledger) if not file.exists()]:
        raise ValueError(f"{folder} holds no run: there is no {' and no '.join(missing)}")
    try:
        settings = parse_settings(path.read_text(encoding="utf-8"), place="the file")
        config = validated(SearchConfig, settings)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return ReadRun(
        config=config,
        run_id=read_ledger(ledger).run_id,
        records=tuple(read_search_state(ledger).records),
    )
