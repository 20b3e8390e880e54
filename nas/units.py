"""Times and sizes as users write them."""

import re

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in _UNITS), re.I)
_SIZE = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT])(?P<binary>i)?B?\s*", re.I)


def parse_duration(text: str) -> float:
    """Return the seconds of ``2h``, ``90m``, ``45s``, ``1h30m`` or a plain number of seconds.

    Raises:
        ValueError: If `text` is nothing of the kind, or no time at all.
    """
    stripped = text.strip()
    match = _DURATION.fullmatch(f"{stripped}s" if stripped[-1:].isdigit() else stripped)
    seconds = 0.0
    if match is not None:
        seconds = sum(
            float(part) * size
            for part, size in zip(match.groups(), _UNITS.values(), strict=True)
            if part is not None
        )
    if seconds <= 0:
        raise ValueError(f"must be a time such as 2h, 90m, 45s or 1h30m, got {text!r}")
    return seconds


def parse_bytes(text: str) -> int:
    """Return the bytes of ``4GB``, ``512 MiB`` or ``1.5T``; without an i in powers of 1000.

    Raises:
        ValueError: If `text` is nothing of the kind, or nothing at all.
    """
    match = _SIZE.fullmatch(text)
    size = 0
    if match is not None:
        base = 1024 if match["binary"] else 1000
        size = int(float(match["number"]) * base ** (1 + "KMGT".index(match["unit"].upper())))
    if size <= 0:
        raise ValueError(f"must be a size such as 512MiB or 4GB, got {text!r}")
    return size
