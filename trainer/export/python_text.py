"""Files written from templates, above all Python: text and numbers as Python literals."""

from collections.abc import Callable, Mapping
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Undefined


def render(
    template: str,
    filters: Mapping[str, Callable[..., str]] | None = None,
    *,
    lenient: bool = False,
    **values: object,
) -> str:
    """Return the text of a template of the folder ``templates``.

    The filters ``text`` and ``number`` give Python literals, and `filters` are further ones. In
    Python files every value that a user chose, such as a class name, passes through ``text``: it
    is data of the written file, never code. With `lenient` a value that is missing is empty.
    """
    environment = Environment(
        undefined=Undefined if lenient else StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # no template is HTML
    )
    environment.filters["text"] = text_literal
    environment.filters["number"] = repr
    environment.filters.update(filters or {})
    source = files("trainer.export").joinpath("templates", template).read_text(encoding="utf-8")
    return environment.from_string(source).render(**values)


def text_literal(text: str) -> str:
    r"""Return a string literal as ruff and black format it.

    It has double quotes, or single quotes where these need fewer escapes. Characters that are
    not printable, such as line breaks and changes of the direction of text, are escaped.
    """
    quote = '"' if text.count('"') <= text.count("'") else "'"
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _escaped(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    return character if character.isprintable() else repr(character)[1:-1]
