"""JSON and YAML from files that anyone may have written: bounded in size, depth and content.

A few hundred bytes of YAML whose aliases refer to each other stand for more values than fit into
memory, and deeply nested JSON ends Python's parser. All text files of the packages are read here.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from search_space.checks import shortened, shown

MAX_BYTES = 10 * 2**20  # of a JSON file; those of the packages have at most some hundred KB
MAX_YAML_BYTES = 2**18  # PyYAML needs seconds for this size
MAX_DEPTH = 50
MAX_NODES = 100_000  # of YAML, with every alias replaced by what it stands for
MAX_DIGITS = 30  # of a whole number: longer ones are not floats either

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_TAGS = frozenset(
    _TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge")
)


def read_text(path: str | Path, *, max_bytes: int = MAX_BYTES) -> str:
    """Return the text of a file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not UTF-8 text or larger than `max_bytes`; names the file.
    """
    with Path(path).open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"{path} is larger than {max_bytes / 2**20:g} MiB, and is not read")
    try:
        return data.decode("utf-8-sig")  # some editors begin a file with the mark of UTF-8
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}"
        ) from error


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is not JSON, nested deeper than `MAX_DEPTH`, has a key twice, or has a
            number that is not finite or longer than `MAX_DIGITS`.
    """
    try:
        value = json.loads(
            text.decode() if isinstance(text, bytes) else text,  # never UTF-16
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_without_duplicates,
        )
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}") from None
    _check_depth(value)
    return value


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text; dates are text.

    Raises:
        ValueError: If it is not YAML, nested deeper than `MAX_DEPTH`, stands for more than
            `MAX_NODES` values, has a key twice or one that is not text, or has a tag other than
            those of JSON's types.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ValueError(f"it is longer than {MAX_YAML_BYTES // 1024} KiB")
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _Checked().visit(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(
            shortened(str(error).replace('in "<unicode string>", ', "at "))
        ) from error
    except (KeyError, IndexError) as error:  # from PyYAML, for "!!bool x" and "!!int ''"
        raise ValueError("a value does not fit its tag") from error
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}") from None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with a limited depth; text that looks like a date stays text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node; ends at the first one that is too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.YAMLError(f"it is nested deeper than {MAX_DEPTH}")
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TAG + "timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Checked:
    """Checks the nodes of a document, and counts them with every alias replaced."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}  # of the nodes that were visited

    def visit(self, node: yaml.Node, depth: int = 0) -> int:
        """Return the number of nodes that `node` stands for, itself included."""
        if id(node) in self._sizes:
            size = self._sizes[id(node)]
            if size == 0:
                raise ValueError(f"an alias refers to what it is part of{_at(node)}")
            return size
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
        if node.tag not in _TAGS:
            raise ValueError(f"the tag {shown(node.tag)} is not allowed{_at(node)}")
        self._sizes[id(node)] = 0
        size = 1 + sum(self.visit(inner, depth + 1) for inner in _inner_nodes(node))
        if size > MAX_NODES:
            raise ValueError(f"it stands for more than {MAX_NODES} values{_at(node)}")
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
        self._sizes[id(node)] = size
        return size


def _inner_nodes(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        return []
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag not in (_TAG + "str", _MERGE) or not isinstance(key, yaml.ScalarNode):
            raise ValueError(
                f"a key must be text, in quotes where needed, got {shown(key.value)}{_at(key)}"
            )
        if key.value in seen:
            raise ValueError(f"the key {shown(key.value)} is given twice{_at(key)}")
        seen.add(key.value)
    return [inner for pair in node.value for inner in pair]


def _at(node: yaml.Node) -> str:
    return f", in line {node.start_mark.line + 1}, column {node.start_mark.column + 1}"


def _check_scalar(node: yaml.ScalarNode) -> None:
    text = node.value
    if node.tag in (_TAG + "int", _TAG + "float") and len(text) > 2 * MAX_DIGITS:
        raise ValueError(f"the number {shown(text)} is too long{_at(node)}")


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[object] = []
        for one in level:
            if isinstance(one, Mapping):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return
        level = inner
    raise ValueError(f"it is nested deeper than {MAX_DEPTH}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"the key {shown(counts.most_common(1)[0][0])} is given twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"the number {shown(digits)} is too long")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"numbers must be finite, got {shown(digits)}")
    return number


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"numbers must be finite, got {text}")
