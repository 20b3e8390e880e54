"""Passwords in URLs: they are masked wherever a command prints what it was given."""

import re

# The value of a parameter of a URL whose name tells that it is secret.
SECRET_PARAMETER = re.compile(
    r"([?&][a-z_]*(?:passw(?:or)?d|pwd|token|secret)=)([^&\s'\"]*)", re.IGNORECASE
)
_USER = re.compile(r"(?<=://)([^\s/@:]*:)\S+@")


def without_passwords(text: str) -> str:
    """Return `text` with the password of each URL in it masked."""
    return SECRET_PARAMETER.sub(r"\1***", _USER.sub(r"\1***@", text))
