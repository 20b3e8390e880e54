"""Errors that mean a lack of memory, threads or files are told from errors of the code."""

import errno

import pytest

from search_space.command_line.command import run_command
from search_space.command_line.resources import lack_of_resources

# As raised by Python, glibc and torch 2.13 under `ulimit -v`, `ulimit -u` and `ulimit -n`.
TORCH = (
    "[enforce fail at alloc_cpu.cpp:136] data. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
)
LOADER = "libtorch_cpu.so: failed to map segment from shared object"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (OSError(errno.EMFILE, "Too many open files", "a.png"), "ulimit -n"),
        (ImportError(LOADER), "memory"),
        (RuntimeError(TORCH), "memory"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "ulimit -u"),
    ],
)
def test_a_lack_is_told_in_words(error: Exception, word: str) -> None:
    assert word in lack_of_resources(error)


def test_the_cause_of_an_error_counts() -> None:
    error = ImportError("numpy could not be imported")
    error.__cause__ = ImportError(LOADER)
    assert "memory" in lack_of_resources(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ImportError("cannot import name 'x'"),
        KeyError("out of memory"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
        ValueError(""),
    ],
)
def test_other_errors_are_none(error: Exception) -> None:
    error.__context__ = error  # a cycle must not hang
    assert lack_of_resources(error) == ""


def test_a_command_reports_a_lack_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command(argv: object) -> int:
        raise RuntimeError(f"{TORCH}\nframe #0: c10::ThrowEnforceNotMet")

    assert run_command("nas-test", command, []) == 2
    error = capsys.readouterr().err
    assert error.startswith("nas-test: not enough memory (also limited by ulimit -v): ")
    assert error.count("\n") == 1


def test_a_command_keeps_the_traceback_of_other_errors() -> None:
    def command(argv: object) -> int:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run_command("nas-test", command, [])
