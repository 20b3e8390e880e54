"""The frame of every report: one HTML page that needs no other file and no network.

The scripts and the style are files of this package and are written into the page. The page's
content security policy allows these two alone, by their digests, and forbids every request.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from nas.report.frame.chart import Chart, chart_data
from search_space.command_line.terminal import visible

PACKAGE = "nas.report"
_STYLES = ("frame/page.css",)
_SCRIPTS = (
    "frame/tables.js",
    "frame/axes.js",
    "frame/notes.js",
    "frame/marks.js",
    "frame/charts.js",
    "frame/printing.js",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section that another module adds to a page.

    Attributes:
        name: Its id in the page: letters, digits and hyphens.
        title: Its heading.
        body: Its content, of `render_part`.
        styles: CSS files that it needs, as paths in ``nas/report``.
        scripts: JavaScript files that it needs, likewise.
    """

    name: str
    title: str
    body: Markup
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


def render_part(template: str, **values: object) -> Markup:
    """Return a part of a page, for a `Section`; all values are escaped.

    Args:
        template: A template, as a path in ``nas/report``.
        values: Values of the template.

    Raises:
        jinja2.TemplateError: If the template is wrong or a value is missing.
    """
    return Markup(_environment().get_template(template).render(**values))


def render_page(
    template: str,
    *,
    title: str,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    **values: object,
) -> str:
    """Return a page as text. All values are escaped: names are text, never markup.

    Args:
        template: A template that extends ``frame/frame.html.jinja``, as a path in ``nas/report``.
            It can use the macros of ``frame/parts.html.jinja``.
        title: Title of the page.
        styles: Further CSS files, as paths in ``nas/report``.
        scripts: Further JavaScript files; they run after those of the frame and can use them.
        values: Values of the template.

    Raises:
        jinja2.TemplateError: If the template is wrong or a value is missing.
    """
    style = "\n".join(map(_text, (*_STYLES, *styles)))
    script = "\n".join(("'use strict';", *map(_text, (*_SCRIPTS, *scripts))))
    return (
        _environment()
        .get_template(template)
        .render(
            title=visible(title),
            style=Markup(_inline(style, "style")),
            script=Markup(_inline(script, "script")),
            policy=_policy(style, script),
            **values,
        )
    )


def json_element(name: str, value: Any) -> Markup:
    """Return a script element of JSON with this id; no text in it can end the element.

    ``<``, ``>`` and ``&`` are escape sequences of JSON, which a parser of HTML reads as text
    (https://html.spec.whatwg.org/multipage/scripting.html, "Restrictions for contents of script
    elements").

    Raises:
        ValueError: If a number is not finite, or `value` is not JSON-ready.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    element = '<script type="application/json" id="{}">{}</script>'
    return Markup(element).format(name, Markup(text))


def chart_element(chart: Chart) -> Markup:
    """Return the data of a chart as an element, for the macro ``chart``."""
    return json_element(f"data-{chart.name}", _visible(chart_data(chart)))


def _visible(value: Any) -> Any:
    """Return JSON-ready data whose texts have no characters that control the display."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {key: _visible(one) for key, one in value.items()}
    return [_visible(one) for one in value] if isinstance(value, list | tuple) else value


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_text),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"json_element": json_element, "chart_element": chart_element}
    environment.filters["visible"] = visible
    return environment


def _text(name: str) -> str:
    return files(PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _inline(text: str, element: str) -> str:
    if f"</{element}" in text.lower() or "<!--" in text:
        raise ValueError(f"a file of the page would end its element {element}")
    return text


def _policy(style: str, script: str) -> str:
    """Return the content security policy: the page's own style and script, pictures inside it."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
