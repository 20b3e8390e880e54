"""Text of users in Markdown: it is shown unchanged, and is never markup."""

import re

from search_space.command_line.terminal import one_line

# Characters that begin markup in CommonMark, GitHub's tables, links and emoji codes, in formulas
# or in HTML. CommonMark allows a backslash before each of them.
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&$:@{}^!])")


def markdown_text(value: object) -> str:
    """Return `value` as Markdown text in one line, for a place inside a line or a table cell."""
    escaped = _MARKUP.sub(r"\\\1", one_line(str(value)))
    return re.sub(r"(?i)\bwww\.", r"www\\.", escaped)  # GitHub makes links of such words


def code_block(text: str, language: str = "") -> str:
    """Return `text` as a fenced block of code; no line of `text` ends the block."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
