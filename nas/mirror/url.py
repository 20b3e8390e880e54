"""Address of a mirror: the URL of an Optuna storage, or the path of a journal file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

from search_space.checks import shown
from search_space.command_line.passwords import SECRET_PARAMETER

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
VARIABLE = "NAS_MIRROR"  # environment variable with the URL, which no process list shows


def is_file(url: str) -> bool:
    """Return whether `url` is the path of a journal file."""
    return "://" not in url


def parse_url(url: str) -> "URL":
    """Parse a database's URL; ``postgres://`` means ``postgresql://``.

    Raises:
        ValueError: If it is not a database's URL, or its driver is not installed.
    """
    from sqlalchemy import make_url  # here, because most searches have no mirror
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    scheme, _, rest = url.partition("://")
    if scheme in ("postgres", POSTGRESQL):  # SQLAlchemy's default driver depends on its version
        scheme = f"{POSTGRESQL}+psycopg"
    try:
        parsed = make_url(f"{scheme}://{rest}")
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ValueError):  # such as a port of letters
        raise ValueError(
            f"--mirror must be a journal file, sqlite:///FILE or postgresql://USER@HOST/DATABASE, "
            f"got {shown(without_password(url))}"
        ) from None  # that error may have a part of the password
    except ImportError as error:
        extra = ": pip install -e '.[mirror]'" if scheme.startswith("postgres") else ""
        raise ValueError(f"--mirror: the driver of {scheme}:// is not installed{extra}") from error
    return parsed


def check_url(url: str) -> None:
    """Check a mirror's address before the search, without connecting to a server.

    Raises:
        ValueError: If a mirror at this address is impossible.
    """
    if is_masked(url):
        raise ValueError(
            f"--mirror: the password of {url!r} was masked when it was written down; give the "
            f"URL again with --mirror, or in the environment variable {VARIABLE}"
        )
    path: str | None = url
    if not is_file(url):
        parsed = parse_url(url)
        path = (parsed.database or "") if parsed.get_backend_name() == SQLITE else None
    if path is not None and (not path or path == ":memory:" or Path(path).is_dir()):
        raise ValueError(f"--mirror must name a file, got {shown(without_password(url))}")
    if path is not None and not Path(path).resolve().parent.is_dir():
        raise ValueError(f"--mirror: the folder of {path} must exist")


def without_password(url: str) -> str:
    """Return `url` with its password masked, for files and messages."""
    url = SECRET_PARAMETER.sub(r"\1***", url)
    head, at, host = url.rpartition("@")
    scheme, _, user = head.partition("://")
    if is_file(url) or ":" not in user:
        return url
    return f"{scheme}://{user.partition(':')[0]}:***{at}{host}"


def is_masked(url: str) -> bool:
    """Return whether the password of `url` was masked by `without_password`."""
    return bool(re.search(r"[:=]\*\*\*(?=[@&]|$)", url))


def password_mask(url: str) -> Callable[[str], str]:
    """Return a function that masks the password of `url` in any text, such as that of an error.

    A database's driver may quote it decoded, or encoded as in the URL.
    """
    given = [match.group(2) for match in SECRET_PARAMETER.finditer(url)]
    _, _, user = url.rpartition("@")[0].partition("://")
    given.append(user.partition(":")[2])
    forms = {form(one) for one in given for form in (str, unquote, quote, quote_plus)}
    forms |= {quote(unquote(one), safe="") for one in given}
    longest_first = sorted(forms - {""}, key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return text

    return masked
