"""Standard streams that do not end a command: of any encoding, closed, or without a reader.

This module imports only modules that load quickly, as `startup` does.
"""

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The reader has ended, the terminal is closed, or the connection to it is lost.
NO_READER = frozenset(
    {errno.EPIPE, errno.EIO, errno.ENXIO, errno.EBADF, errno.ECONNRESET, errno.ENOTCONN}
)
LAST_STANDARD_STREAM = 2


class LenientOutput(io.FileIO):
    """Writes to a file descriptor until that fails, and from then on to nothing.

    The descriptor then leads to the null device, so that other writers of the process do not
    fail either. Where the descriptor does not block, a write waits until it can continue.

    Attributes:
        error: Why writing failed; None as long as it works.
    """

    def __init__(self, descriptor: int) -> None:
        """Use `descriptor`, and leave it open at the end."""
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of `data` and return how many bytes; all of them after an error."""
        while self.error is None:
            try:
                written = super().write(data)
                if written is not None:
                    return written
                select.select([], [self], [])  # would block
            except OSError as error:
                self.error = error
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, self.fileno())
                os.close(nothing)
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Make the standard streams safe: no text, encoding, closed stream or lost reader is an error.

    Closed descriptors are opened on the null device: otherwise the next file that the process
    opens would get the number of a standard stream, and the text of a message would go into it.
    Characters that a stream's encoding lacks are written as escape sequences. Streams that were
    already replaced in this process stay as they are.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= LAST_STANDARD_STREAM:
        descriptor = os.dup(descriptor)
    os.close(descriptor)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _lenient(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lenient(sys.stderr, 2)


def _lenient(stream: TextIO | None, descriptor: int) -> TextIO:
    """Return a stream like `stream` on `descriptor`; a closed stream is None."""
    raw = LenientOutput(descriptor)
    if not isinstance(stream, io.TextIOWrapper):
        return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace")
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def has_output() -> bool:
    """Flush standard output and return whether what is written there still arrives.

    A command whose only result is its output can end early without a reader.
    """
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return not isinstance(raw, LenientOutput) or raw.error is None


def lost_output() -> OSError | None:
    """Flush standard output and return why it is incomplete, such as a full disk.

    None stands for complete output, and for output without a reader, who did not want the rest.
    """
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, LenientOutput) else None
    return None if error is None or error.errno in NO_READER else error
