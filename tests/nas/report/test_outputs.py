"""Reports from a run's folder, and errors about damaged folders."""

from pathlib import Path

import pytest
import yaml

from nas.engine.events import Asked, Told
from nas.engine.ledger import Ledger
from nas.report_command import main as report_main
from search_space.checksum import with_comment
from tests.nas.nas_records import CONFIG, TINY, trained


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run of one trained candidate with a mirror that does not exist."""
    settings = {**CONFIG.model_dump(mode="json"), "mirror": "/nowhere/at/all.log"}
    (tmp_path / "config.yaml").write_text(with_comment(yaml.safe_dump(settings)))
    record = trained(0, 0.5)
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        ledger.append(Asked(**record.candidate.to_dict()), Told(number=0, outcome=record.outcome))
    return tmp_path


def test_a_report_does_not_need_the_mirror(run: Path) -> None:
    assert report_main(["--run", str(run), "--png", str(run / "a.png")]) == 0
    assert TINY.name in (run / "report.html").read_text()


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("config.yaml", "w: 3\n", "config.yaml is damaged or was edited: "),
        ("config.yaml", "- 3\n", "must hold settings by name"),
        ("ledger.jsonl", '{"event":"told","number":7,"outcome":{}}\n', "line 5 is damaged"),
    ],
)
def test_damage_is_reported_in_one_line(
    run: Path, file: str, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (run / file).open("a" if file == "ledger.jsonl" else "w") as damaged:
        damaged.write(text)
    assert report_main(["--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert "pydantic" not in error


def test_the_figure_must_be_a_png(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_main(["--run", str(run), "--png", str(run / "a.svg")]) == 2
    assert "--png must name a file that ends in .png" in capsys.readouterr().err
    assert not (run / "a.svg").exists()
