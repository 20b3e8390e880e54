"""Classes that may be each other's mirror image, as far as their names tell."""

import re
from collections.abc import Iterable, Sequence

# Words for left and right, and others that change places in a mirror; in English, German, French,
# Spanish, Portuguese, Italian, Dutch, Russian and Chinese.
WORDS = (
    *(("left", "right"), ("links", "rechts"), ("linke", "rechte"), ("linker", "rechter")),
    *(("gauche", "droite"), ("gauche", "droit"), ("izquierda", "derecha")),
    *(("izquierdo", "derecho"), ("esquerda", "direita"), ("esquerdo", "direito")),
    *(("sinistra", "destra"), ("sinistro", "destro"), ("linkse", "rechtse")),
    *(("лево", "право"), ("левый", "правый"), ("левая", "правая"), ("左", "右")),
    *(("east", "west"), ("eastern", "western"), ("ost", "west"), ("est", "ouest")),
    *(("este", "oeste"), ("northeast", "northwest"), ("southeast", "southwest")),
    *(("clockwise", "counterclockwise"), ("clockwise", "anticlockwise"), ("cw", "ccw")),
    *(("port", "starboard"), ("l", "r"), ("lh", "rh"), ("lt", "rt"), ("ne", "nw"), ("se", "sw")),
    *(("←", "→"), ("↖", "↗"), ("↙", "↘"), ("⬅", "➡"), ("↰", "↱"), ("↶", "↷"), ("↺", "↻")),
)
# Only if they are the whole name: letters whose shapes or meanings are mirrored.
LETTERS = (("b", "d"), ("p", "q"), ("e", "w"), ("<", ">"), ("(", ")"), ("[", "]"), ("/", "\\"))
# A shorter word may be a part of any other, such as "l" or "est".
LONG_WORD = 4


def mirrored_classes(class_names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of classes of which one name becomes the other in a mirror.

    A name is compared by its words, such as ``turn_left`` and ``turnRight``, without regard to
    case. Long words are also found within others, such as in ``leftturn``.
    """
    by_key = {_key(_words(name)): name for name in class_names}
    pairs = {
        tuple(sorted((name, other)))
        for key, name in by_key.items()
        for swapped in _swapped(key)
        if (other := by_key.get(swapped, name)) != name
    }
    return sorted((one, other) for one, other in pairs)


def mirror_note(class_names: Sequence[str], *, flip: bool) -> str | None:
    """Return a sentence if training images are mirrored although classes may be mirror images.

    `flip` is whether half of the training images are mirrored. The result is None if it is false
    or no such classes are known.
    """
    if not flip or not (pairs := mirrored_classes(class_names)):
        return None
    one, other = pairs[0]
    more = f" and {len(pairs) - 1:,} more pairs" if len(pairs) > 1 else ""
    return (
        f"half of the training images are mirrored, and classes {one!r} and {other!r}{more} may "
        f"be each other's mirror image; --no-flip turns that off"
    )


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case: ``turnLeft_2`` is turn, left, 2."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W\d_]+|\d+|[^\w\s]", parted)
    return [word.lower() for word in words if len(words) == 1 or word not in "-.,;:()[]/"]


def _key(words: Sequence[str]) -> str:
    return " ".join(words)


def _swapped(key: str) -> set[str]:
    """Return the names, as keys, that a name may become in a mirror."""
    found = set()
    for one, other in WORDS:
        exchange = {one: other, other: one}
        words = key.split(" ")
        found.add(_key([exchange.get(word, word) for word in words]))
        if min(len(one), len(other)) >= LONG_WORD or not one.isascii():
            found.add(other.join(part.replace(other, one) for part in key.split(one)))
    for one, other in LETTERS:
        found |= {other} if key == one else {one} if key == other else set()
    return found
