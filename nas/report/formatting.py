"""Numbers as reports, tables and progress lines show them."""


def percent(share: float) -> str:
    """Return a share in [0, 1] as a percentage."""
    return f"{100 * share:.2f} %"


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds."""
    return f"{1e3 * seconds:.1f} ms"


def count(number: int) -> str:
    """Return a count in thousands, millions or billions, with three digits."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def duration(seconds: float) -> str:
    """Return a time as hours:minutes:seconds; without hours below one hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
