"""Lines of a ledger: JSON objects with a checksum, which depends on the line's number too.

Ledgers of earlier versions have lines without checksums. Once a line has one, all later lines
have one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_space.checks import shown
from search_space.checksum import is_intact, sealed, split_seal
from search_space.text_files import parse_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a ledger.

    Attributes:
        number: Counted from 1.
        raw: Its bytes, without the line break.
        data: Its content; empty if the line is damaged.
        fault: What is wrong with it; empty if nothing is.
    """

    number: int
    raw: bytes
    data: Mapping[str, Any]
    fault: str = ""


def line_text(data: Mapping[str, Any]) -> str:
    """Return an event's JSON in a line, without the checksum."""
    return json.dumps(data, allow_nan=False, separators=(",", ":"))


def sealed_line(text: str, number: int) -> str:
    """Return the line `number`, counted from 1, with its checksum and line break."""
    return sealed(text, str(number)) + "\n"


def split_lines(data: bytes) -> list[Line]:
    """Return the lines of a ledger, damaged ones too; an incomplete last line is left out."""
    lines, has_seals = [], False
    for number, raw in enumerate(data[: data.rfind(b"\n") + 1].split(b"\n")[:-1], start=1):
        text, seal = split_seal(raw)
        has_seals = has_seals or bool(seal)
        try:
            if has_seals and not is_intact(raw, str(number)):
                raise ValueError(_fault(raw, number, seal))
            content = parse_json(text)
            if not isinstance(content, dict) or "event" not in content:
                raise ValueError(f"no event: {shown(raw)}")
            lines.append(Line(number=number, raw=raw, data=content))
        except ValueError as error:
            lines.append(Line(number=number, raw=raw, data={}, fault=str(error)))
    return lines


def damage(path: Path, line: int, fault: object) -> ValueError:
    """Return the error about a damaged line: what is wrong, and what can be done."""
    return ValueError(
        f"{path}: line {line} is damaged: {fault}; put a copy of the file back, or remove this "
        f"line and all after it: the same search continues from there, and what it has in "
        f"results/ is not trained again"
    )


def _fault(raw: bytes, number: int, seal: str) -> str:
    if not seal:
        return f"it has no checksum: {shown(raw)}"
    near = (other for other in range(max(1, number - 9), number + 10) if other != number)
    if any(is_intact(raw, str(other)) for other in near):
        return "lines before it are missing or repeated"
    return "its checksum is another one"
