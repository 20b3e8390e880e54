"""Names of classes that may be mirror images, and names that are not."""

import pytest

from trainer.data.mirrored_classes import mirror_note, mirrored_classes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("left", "right"),
        ("Turn left ahead", "Turn right ahead"),
        ("turnLeft", "turnRight"),
        ("leftturn", "rightturn"),
        ("hand_l", "hand_r"),
        ("L", "R"),
        ("knie-links", "knie-rechts"),
        ("gauche", "droite"),
        ("mano izquierda", "mano derecha"),
        ("East", "West"),
        ("E", "W"),
        ("arrow ←", "arrow →"),
        ("左手", "右手"),
        ("b", "d"),
        ("P", "Q"),
        ("spin_clockwise", "spin_counterclockwise"),
        ("keep left 2", "keep right 2"),
    ],
)
def test_names_that_a_mirror_exchanges_are_a_pair(one: str, other: str) -> None:
    assert mirrored_classes(["ahead", other, one]) == [tuple(sorted((one, other)))]


@pytest.mark.parametrize(
    "names",
    [
        ("left", "stop"),  # the other one is no class
        ("bright", "dark"),
        ("bleft", "dright"),
        ("cat", "dog"),
        ("bat", "dat"),  # letters within a word
        ("grade e", "grade w"),
        ("left left", "right left"),
        ("0", "1"),
        (),
    ],
)
def test_other_names_are_no_pair(names: tuple[str, ...]) -> None:
    assert mirrored_classes(names) == []


def test_the_note_is_only_for_mirrored_training_images() -> None:
    names = ("left", "none", "right")
    assert mirror_note(names, flip=False) is None
    assert mirror_note(("cat", "dog"), flip=True) is None
    assert mirror_note(names, flip=True) == (
        "half of the training images are mirrored, and classes 'left' and 'right' may be each "
        "other's mirror image; --no-flip turns that off"
    )
    pairs = ("b", "d", "p", "q", "l", "r")
    note = mirror_note(pairs, flip=True)
    assert note is not None
    assert "classes 'b' and 'd' and 2 more pairs may" in note
