"""Random damage to any file that we read: the same content, or one line that names the file.

A change that nothing shows would be the worst result, and a traceback of another type the second
worst. Image caches and memos are made again, damaged lines of a ledger are read from result
files, and everything else is refused.
"""

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.candidate import Candidate
from nas.engine.job import Job
from nas.engine.ledger import read_ledger
from nas.engine.ledger_lines import sealed_line
from nas.finalists.finalist_round import FinalistRound
from nas.run_folder.opening import read_run
from nas.run_folder.recovery import recover_ledger
from search_space.architecture_file import load_architecture
from tests.toys.step_table import made_table
from tests.trainer.evaluation.test_files import PREDICTIONS, record
from trainer.data.cache.images import CachedImages
from trainer.data.prepare import prepare
from trainer.evaluation.files import read_evaluation, write_evaluation
from trainer.step_table.table import load_step_table, save_step_table
from trainer.tensor_file import load_tensors, save_tensors

GOLDEN = Path(__file__).parent / "golden" / "runs" / "full"
RUN, TABLE, MODEL, CACHE, PICTURES = "run", "step_times.json", "model.pt", "cache", "pictures"
EVALUATION = "test.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What was done to a file.

    Attributes:
        kind: A name of `CHANGES`.
        last: Whether only the end of the file was changed.
    """

    kind: str
    last: bool


def flip(data: bytearray, rng: random.Random) -> int:
    place = rng.randrange(len(data))
    data[place] ^= 1 << rng.randrange(8)
    return place


def overwrite(data: bytearray, rng: random.Random) -> int:
    place = rng.randrange(len(data))
    data[place] = (data[place] + rng.randrange(1, 256)) % 256
    return place


def cut(data: bytearray, rng: random.Random) -> int:
    place = rng.randrange(len(data))
    del data[place:]
    return place


def zero(data: bytearray, rng: random.Random) -> int:
    place = rng.randrange(len(data))
    stop = min(len(data), place + rng.choice([8, 64, 512, 4096]))
    data[place:stop] = bytes(stop - place)
    return place


def change_lines(data: bytearray, rng: random.Random, *, repeat: bool) -> int:
    lines = bytes(data).splitlines(keepends=True)
    place = rng.randrange(len(lines))
    lines[place : place + 1] = [lines[place]] * 2 if repeat else []
    data[:] = b"".join(lines)
    return sum(map(len, lines[:place]))


CHANGES: Mapping[str, Callable[[bytearray, random.Random], int]] = {
    "flip": flip,
    "overwrite": overwrite,
    "cut": cut,
    "zero": zero,
    "repeat": lambda data, rng: change_lines(data, rng, repeat=True),
    "remove": lambda data, rng: change_lines(data, rng, repeat=False),
}


def corrupt(path: Path, rng: random.Random) -> Damage:
    """Change a file at random; return what was done."""
    data = bytearray(path.read_bytes())
    before = bytes(data)
    while data == before:
        data[:] = before
        kind = rng.choice([*CHANGES])
        place = CHANGES[kind](data, rng)
    path.write_bytes(data)
    last_line = before.rstrip(b"\n").rfind(b"\n") + 1
    return Damage(kind=kind, last=kind == "cut" or place >= last_line)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one of every kind of file, as this version writes them."""
    home = tmp_path_factory.mktemp("originals")
    run = Path(shutil.copytree(GOLDEN, home / RUN))
    found, ledger = read_run(run), run / "ledger.jsonl"
    found.files.write_config()
    lines = enumerate(ledger.read_text().splitlines(), start=1)
    ledger.write_text("".join(sealed_line(line, number) for number, line in lines))
    finals = FinalistRound.of_run(run, found.files.config, found.run_id)
    for results in (replace(finals.results, folder=run / "results"), finals.results):
        every = [record.candidate for record in found.records]
        for one in every if results is not finals.results else finals.trainings(found.records):
            if (outcome := results.find(one)) is not None:
                results.save(one, outcome)
    save_step_table(home / TABLE, made_table())
    write_evaluation(home, record(), PREDICTIONS)
    save_tensors(home / MODEL, {"weights": torch.arange(999.0)}, schema="toy/1")
    rng = np.random.default_rng(0)
    from PIL import Image

    for name in ("cat", "dog"):
        (home / PICTURES / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / PICTURES / name / f"{number}.png")
    return home


def images_of(home: Path) -> CachedImages:
    return prepare(str(home / PICTURES), 8, cache_dir=home / CACHE)


def arrays(images: CachedImages) -> list[Any]:
    split = images.splits["train"]
    return [images.class_names, images.path.name, split.images.tolist(), split.labels.tolist()]


def check_run(home: Path, file: Path, damage: Damage) -> None:
    """Read a run one of whose files is damaged."""
    run, true = home / RUN, read_run(GOLDEN)
    notes = recover_ledger(run)
    found = read_run(run)
    assert found.run_id == true.run_id
    assert found.files.config == true.files.config
    events, before = read_ledger(run / "ledger.jsonl").events, read_ledger(GOLDEN / "ledger.jsonl")
    known = before.events[: len(events)]
    assert [replace(one, time=0) for one in events] == [replace(one, time=0) for one in known]
    assert notes or list(events) == list(known)
    assert len(events) == len(before.events) or (file.name == "ledger.jsonl" and damage.last)
    results = FinalistRound.of_run(run, found.files.config, found.run_id)
    originals = FinalistRound.of_run(GOLDEN, true.files.config, true.run_id)
    if len(events) == len(before.events):
        assert results.finals(found.records) == originals.finals(true.records)
        for record in true.records:
            job = Job(**Candidate.to_dict(record.candidate))
            outcome = replace(results.results, folder=run / "results").find(job)
            assert outcome in (None, record.outcome)
    assert load_architecture(run).architecture == load_architecture(GOLDEN).architecture


def check_others(home: Path, file: Path, damage: Damage) -> None:
    """Read the files that belong to no run."""
    if file.name == TABLE:
        assert load_step_table(file) == made_table()
    if file.name == EVALUATION:
        assert read_evaluation(file) == record()
    if file.name == MODEL:
        content = load_tensors(file, torch.device("cpu"), schema="toy/1")
        assert content["weights"].tolist() == list(range(999))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_damage_changes_nothing_or_is_one_line(
    originals: Path, tmp_path: Path, block: int
) -> None:
    rng = random.Random(block)
    for _ in range(25):
        home = Path(shutil.copytree(originals, tmp_path / str(_)))
        run = home / RUN
        files = [
            *("ledger.jsonl", "ledger.jsonl", "config.yaml", "best.json"),
            *(str(path.relative_to(run)) for path in sorted(run.glob("*s/*.json"))),
        ]
        file = rng.choice(
            [*(run / name for name in files), home / TABLE, home / MODEL, home / EVALUATION]
        )
        damage = corrupt(file, rng)
        try:
            (check_run if run in file.parents else check_others)(home, file, damage)
        except (ValueError, OSError) as error:
            message = str(error)
            assert file.name in message, (damage, message)
            assert len(message) < 4000
        shutil.rmtree(home)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(2))
def test_a_damaged_cache_is_made_again(originals: Path, tmp_path: Path, block: int) -> None:
    rng, home = random.Random(block), Path(shutil.copytree(originals, tmp_path / "home"))
    true = arrays(images_of(home))
    for _ in range(25):
        files = [path for path in (home / CACHE).rglob("*") if path.suffix in (".npy", ".json")]
        memos = [*(home / CACHE / "sources").iterdir()]
        corrupt(rng.choice([*sorted(files), *sorted(memos)]), rng)
        assert arrays(images_of(home)) == true
