"""Every command refuses every generated wrong input in one line, and writes nothing."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from nas.cli import main as search_main
from nas.report_command import main as report_main
from nas.scale_command import main as scale_main
from tests.wrong_inputs.generated import WrongInput, write_files, wrong_inputs
from trainer.evaluate_cli import main as evaluate_main
from trainer.export_cli import main as export_main
from trainer.predict_cli import main as predict_main
from trainer.time_cli import time_main
from trainer.train_cli import main as train_main

pytestmark = pytest.mark.slow
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "nas-search": search_main,
    "nas-train": train_main,
    "nas-scale": scale_main,
    "nas-time": time_main,
    "nas-report": report_main,
    "nas-predict": predict_main,
    "nas-export": export_main,
    "nas-evaluate": evaluate_main,
}
INPUTS = list(wrong_inputs())
LONGEST_LINE = 700


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("inputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.chdir(tmp_path_factory.mktemp("here"))
        yield write_files(folder)


def test_there_are_at_least_200_different_inputs() -> None:
    assert len({(one.words, one.content) for one in INPUTS}) >= 200


@pytest.mark.parametrize("wrong", INPUTS, ids=lambda wrong: wrong.name)
def test_a_wrong_input_is_one_line_and_exit_code_2(
    wrong: WrongInput, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (Path(files["file"]), Path(files["file"] + ".yaml")):
        path.write_text(wrong.content)
    before = sorted(Path(files["out"]).rglob("*"))
    words = [word.format(**files) for word in wrong.words]
    try:
        code: object = COMMANDS[wrong.command](words)
    except SystemExit as stopped:  # argparse
        code = stopped.code
    printed = capsys.readouterr()
    assert code == 2, printed
    assert printed.err.startswith(f"{wrong.command}: ")
    assert printed.err.count("\n") == 1
    assert len(printed.err) < LONGEST_LINE
    assert sorted(Path(files["out"]).rglob("*")) == before
    assert list(Path.cwd().iterdir()) == []
