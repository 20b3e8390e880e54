"""Counts in sentences."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return such as "1 file", "1,200 files" and "2 classes".

    Args:
        count: The number.
        noun: The noun for one.
        plural: The noun for other numbers; `noun` with an s by default.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
