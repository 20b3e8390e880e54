"""Standard streams that are closed, full, without a reader or of another encoding end nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A command that prints more than a pipe holds, writes its argument to stderr and makes a file.
COMMAND = """
import os, sys
from pathlib import Path
from search_space.command_line.startup import start_command

def main():
    for _ in range(20000):
        print("one of many lines")
    print(sys.argv[1], file=sys.stderr, flush=True)
    Path(os.environ["ENDED"]).write_text("made by the command")
    return int(sys.argv[2])

sys.exit(start_command("nas-x", lambda: main))
"""
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")


class Ended:
    """What a line of a shell did, in which ``$X`` is the command with its arguments."""

    def __init__(
        self,
        folder: Path,
        shell: str,
        *,
        text: str = "text",
        code: int = 0,
        command: str = COMMAND,
        **environment: str,
    ) -> None:
        made = folder / "ended"
        line = shell.replace("$X", '"$0" -c "$COMMAND" "$@"')
        done = subprocess.run(
            ["bash", "-c", line, sys.executable, text, str(code)],
            env={**os.environ, "COMMAND": command, "ENDED": str(made), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.completely = made.exists() and made.read_text() == "made by the command"


@pytest.mark.parametrize("reader", ["head -1", "true"])
@pytest.mark.parametrize("code", [0, 7])
def test_a_command_goes_on_when_the_reader_of_its_output_ends(
    tmp_path: Path, reader: str, code: int
) -> None:
    ended = Ended(tmp_path, f"$X | {reader}; exit ${{PIPESTATUS[0]}}", code=code)
    assert ended.completely
    assert (ended.code, ended.err) == (code, "text\n")


def test_errors_without_a_reader_end_nothing(tmp_path: Path) -> None:
    ended = Ended(tmp_path, "set -o pipefail; $X 2>&1 >/dev/null | true")
    assert ended.completely
    assert ended.code == 0


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_end_nothing_and_get_no_other_file(tmp_path: Path, streams: str) -> None:
    ended = Ended(tmp_path, f"$X {streams}")
    assert ended.completely  # so that no line of the output is in the file
    assert ended.code == 0
    assert ended.err == ("" if "2>" in streams else "text\n")


@FULL
@pytest.mark.parametrize(("code", "shown"), [(0, 2), (7, 7)])
def test_output_that_is_lost_on_a_full_disk_is_said(tmp_path: Path, code: int, shown: int) -> None:
    ended = Ended(tmp_path, "$X >/dev/full", code=code)
    assert ended.completely
    assert ended.code == shown
    assert ended.err == (
        "text\nnas-x: standard output could not be written: No space left on device\n"
    )


@FULL
def test_lost_errors_end_nothing(tmp_path: Path) -> None:
    ended = Ended(tmp_path, "$X 2>/dev/full")
    assert ended.completely
    assert ended.code == 0


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "\\u732b"),
        ("latin-1", "\\u732b"),
        ("ascii:strict", "\\u732b"),
        ("utf-8:strict", "\u732b"),
    ],
)
def test_characters_that_an_encoding_lacks_are_escaped(
    tmp_path: Path, encoding: str, shown: str
) -> None:
    undecodable = os.fsdecode(b"\xff")  # a byte of a file name that is not UTF-8
    ended = Ended(tmp_path, "$X", text=f"{undecodable}\u732b", PYTHONIOENCODING=encoding)
    assert ended.completely
    assert ended.err == f"\\udcff{shown}\n"


def test_output_that_would_block_is_written_completely(tmp_path: Path) -> None:
    """Programs such as ssh make a terminal non-blocking for all that use it."""
    command = f"import os; os.set_blocking(1, False)\n{COMMAND}"
    ended = Ended(tmp_path, "$X | { sleep 0.5; wc -l; }", command=command)
    assert (ended.out.strip(), ended.err) == ("20000", "text\n")
