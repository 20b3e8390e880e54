"""Exporters of torch without their progress, warnings and log lines."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keep what torch's exporters print, warn and log from the terminal.

    They name details of torch, such as libraries that this network does not need. Errors are
    raised as ever.
    """
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
