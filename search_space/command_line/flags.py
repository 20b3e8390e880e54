"""Command-line flags made from the fields of a pydantic model."""

import argparse
import re
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from search_space.command_line.command import at_least


def add_flags(
    group: argparse._ActionsContainer,
    model: type[BaseModel],
    names: Iterable[str],
    metavars: Mapping[str, str] = {},
    *,
    defaults: Mapping[str, str] = {},
    prefix: str = "",
) -> None:
    """Add one flag per setting, with type, choices and help text of the model's field.

    A flag that is not given is None. A field that holds several values becomes a flag in the
    singular that may be repeated; its values are collected as text. A field that is true or false
    becomes a flag without a value, which changes the default: ``--no-NAME`` if that is true, and
    then its help is "Do not", followed by the description.

    Args:
        group: Parser or argument group that receives the flags.
        model: Class of the settings.
        names: Fields of `model`.
        metavars: Field -> metavar, where it differs from argparse's.
        defaults: Field -> default to show, where it differs from the field's.
        prefix: Of the names in the parsed arguments, such as ``"proxy."``.
    """
    for name in names:
        field = model.model_fields[name]
        kind = _kind(field)
        several = get_origin(kind) in (tuple, dict)
        singular = name.removesuffix("s") if several else name
        options: dict[str, Any] = {"metavar": metavars.get(name, singular.upper())}
        if several:
            options["action"] = "append"
        elif get_origin(kind) is Literal:
            options = {"choices": get_args(kind)}
        elif kind is int:
            bounds = [item.ge for item in field.metadata if hasattr(item, "ge")]
            options["type"] = at_least(bounds[0]) if bounds else int
        elif kind is float:
            options["type"] = float if field.annotation is float else _number
        text = _help(field, several, defaults.get(name))
        flag = "--" + singular.replace("_", "-")
        if kind is bool:
            options = {"action": "store_const", "const": not field.default}
            flag = flag.replace("--", "--no-", 1) if field.default else flag
            text = _switch_help(field)
        group.add_argument(flag, dest=prefix + name, help=text, **options)


def flags_by_setting(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the flag of each setting, by its name in the parsed arguments."""
    return {one.dest: one.option_strings[-1] for one in parser._actions if one.option_strings}


def _kind(field: FieldInfo) -> Any:
    """Return the type of a field without None; float for a number that may be whole."""
    kind = field.annotation
    if get_origin(kind) not in (Union, UnionType):
        return kind
    return float if float in get_args(kind) else get_args(kind)[0]


def _number(text: str) -> int | float:
    """Return a whole number as a count, and any other number as a share."""
    return int(text) if text.isdecimal() else float(text)


def _switch_help(field: FieldInfo) -> str:
    """Return the help text of a flag without a value, for what happens if it is given."""
    text = (field.description or "").removesuffix(".").replace("%", "%%")
    return f"Do not {text[:1].lower()}{text[1:]}" if field.default else text


def _help(field: FieldInfo, several: bool, default: str | None) -> str:
    """Return the help text: the field's description and the default."""
    text = (field.description or "").removesuffix(".")
    if default is not None:  # another one than the description may name
        text = re.sub(r" \(default: [^()]*\)$", "", text)
    own = None if field.is_required() or several else field.get_default(call_default_factory=True)
    shown = own if default is None else default
    text += "; may be repeated" if several else ""
    return (text if shown is None else f"{text} (default: {shown})").replace("%", "%%")
