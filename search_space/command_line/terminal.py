"""Text on a terminal: names of users are shown unchanged, and never control the terminal."""

import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

# Controls and lone surrogates, and lines that only some programs break.
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Characters that show the text after them in another order (Unicode Standard Annex 9).
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str, *, kept: str = "") -> str:
    r"""Return `text` with escape sequences such as ``\x1b`` for what would control a terminal.

    These are control characters, lone surrogates (bytes of file names that are not text), and
    characters that change the direction of text. Those in `kept` stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in kept
        and (character in _REORDERING or unicodedata.category(character) in _ESCAPED_CATEGORIES)
        else character
        for character in text
    )


def one_line(text: str) -> str:
    """Return `text` in one line that cannot control a terminal."""
    return visible(" ".join(text.split()))


class PlainConsole(Console):
    """A console that shows text unchanged, in tables too: no markup, no emoji codes, no controls.

    Names of files, classes and runs may contain [brackets], :colons: and any other character.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of `rich.console.Console`."""
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a title, a cell or a line in its displayed form."""
        return super().render_str(visible(text, kept="\n"), **options)
