"""Address of a mirror: the URL of an Optuna storage, or the path of a journal file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from search_space.checks import shown

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SQLITE = "sqlite"
POSTGRESQL = "postgresql"


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
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(
            f"--mirror must be a journal file, sqlite:///FILE or postgresql://USER@HOST/DATABASE, "
            f"got {shown(without_password(url))}"
        ) from error
    except ImportError as error:
        extra = ": pip install -e '.[mirror]'" if scheme.startswith("postgres") else ""
        raise ValueError(f"--mirror: the driver of {scheme}:// is not installed{extra}") from error
    return parsed


def check_url(url: str) -> None:
    """Check a mirror's address before the search, without connecting to a server.

    Raises:
        ValueError: If a mirror at this address is impossible.
    """
    if re.search(r"(:|[?&]password=)\*\*\*(?=[@&]|$)", url):
        raise ValueError(
            f"--mirror: the password of {url!r} was masked when it was written down; give the "
            "URL again with --mirror"
        )
    path: str | None = url
    if not is_file(url):
        parsed = parse_url(url)
        path = (parsed.database or "") if parsed.get_backend_name() == SQLITE else None
    if path is not None and (not path or path == ":memory:" or Path(path).is_dir()):
        raise ValueError(f"--mirror must name a file, got {shown(url)}")
    if path is not None and not Path(path).resolve().parent.is_dir():
        raise ValueError(f"--mirror: the folder of {path} must exist")


def without_password(url: str) -> str:
    """Return `url` with its password masked, for files and messages."""
    url = re.sub(r"(?<=[?&]password=)[^&]*", "***", url)
    head, at, host = url.rpartition("@")
    scheme, _, user = head.partition("://")
    if is_file(url) or ":" not in user:
        return url
    return f"{scheme}://{user.partition(':')[0]}:***{at}{host}"
