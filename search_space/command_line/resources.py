"""Errors of libraries that mean that the process lacks memory, threads or files.

This module imports only modules that load quickly, as `startup` does.
"""

import errno

_LACKS = {
    errno.ENOMEM: "not enough memory",
    errno.EMFILE: "too many open files (ulimit -n)",
    errno.ENFILE: "too many open files on this machine",
    errno.EAGAIN: "no further process or thread may start (ulimit -u, or the container's limit)",
}
_MEMORY, _THREADS = _LACKS[errno.ENOMEM], _LACKS[errno.EAGAIN]
# Parts of the messages of errors without an error number, in lower case, and what they mean.
_MESSAGES = {
    "cannot allocate memory": _MEMORY,  # the loader of libraries, and the C library
    "failed to map segment": _MEMORY,  # the loader of libraries
    "can't allocate memory": _MEMORY,  # torch on a CPU
    "not enough memory": _MEMORY,  # torch on a CPU
    "out of memory": _MEMORY,  # torch on a GPU
    "std::bad_alloc": _MEMORY,
    "can't start new thread": _THREADS,
    "resource temporarily unavailable": _THREADS,
    "too many open files": _LACKS[errno.EMFILE],
}
# Other types with such messages are errors of the code.
_TYPES = (ImportError, RuntimeError, OSError)


def lack_of_resources(error: BaseException) -> str:
    """Return what the process lacks, in words, if that is the reason of `error`, else ""."""
    seen: list[BaseException] = []
    reason: BaseException | None = error
    while reason is not None and reason not in seen:
        if lack := _lack(reason):
            return lack
        seen.append(reason)
        reason = reason.__cause__ or reason.__context__
    return ""


def _lack(error: BaseException) -> str:
    text = str(error).partition("\n")[0]
    if isinstance(error, MemoryError):
        lack = _MEMORY
    elif isinstance(error, OSError) and error.errno in _LACKS:
        lack = _LACKS[error.errno]
    elif isinstance(error, _TYPES):
        lack = next((means for part, means in _MESSAGES.items() if part in text.lower()), "")
    else:
        lack = ""
    lack += " (also limited by ulimit -v)" if lack == _MEMORY else ""
    return f"{lack}: {text}" if lack and text else lack
