"""Images that every network gets wrong: which ones, and in which order."""

import numpy as np
import pytest

from nas.analysis.label_errors import Suspects, find_suspects
from trainer.proxy.predictions import Predictions


def network(*told: tuple[int, int, int, float, float]) -> Predictions:
    """Return predictions of (position, label, predicted, confidence, label's probability)."""
    positions, labels, predicted, confidence, own = zip(*told, strict=True)
    return Predictions(
        positions=np.array(positions),
        labels=np.array(labels),
        predicted=np.array(predicted),
        confidence=np.array(confidence, dtype=np.float32),
        label_probability=np.array(own, dtype=np.float32),
    )


def positions(found: Suspects) -> list[int]:
    return [one.position for one in found.images]


def test_only_images_that_all_networks_get_wrong_are_suspects() -> None:
    found = find_suspects(
        [
            network((7, 0, 1, 0.9, 0.05), (8, 0, 1, 0.9, 0.05), (9, 1, 1, 0.8, 0.8)),
            network((7, 0, 2, 0.5, 0.25), (8, 0, 0, 0.6, 0.6), (4, 1, 0, 0.99, 0.0)),
        ]
    )
    # 8 was predicted right once, 9 always, and 4 was judged by one network only.
    assert positions(found) == [7]
    (one,) = found.images
    assert (one.label, one.networks, one.said) == (0, 2, ((1, 1), (2, 1)))
    assert one.confidence == pytest.approx(0.7)
    assert one.label_probability == pytest.approx(0.15)
    assert (found.num_networks, found.num_held_out, found.num_judged) == (2, 4, 2)


def test_the_least_probable_label_is_first_and_the_most_frequent_class_too() -> None:
    found = find_suspects(
        [
            network((3, 0, 1, 0.6, 0.3), (1, 0, 2, 0.9, 0.0), (2, 0, 1, 0.6, 0.3)),
            network((3, 0, 1, 0.6, 0.3), (1, 0, 1, 0.5, 0.4), (2, 0, 2, 0.6, 0.3)),
            network((3, 0, 2, 0.6, 0.3), (1, 0, 1, 0.7, 0.1), (2, 0, 2, 0.9, 0.3)),
        ]
    )
    # The label of image 1 has a mean of 0.5 / 3. Of 2 and 3, which have 0.3, the network is
    # surer of another class for 2.
    assert positions(found) == [1, 2, 3]
    mostly_one, mostly_two = ((1, 2), (2, 1)), ((2, 2), (1, 1))
    assert [one.said for one in found.images] == [mostly_one, mostly_two, mostly_one]
    assert found.images[0].label_probability == pytest.approx(0.5 / 3)


def test_the_order_of_the_networks_does_not_matter() -> None:
    first = network((5, 0, 1, 0.75, 0.25), (6, 1, 0, 0.5, 0.125))
    second = network((6, 1, 0, 0.625, 0.25), (5, 0, 1, 0.875, 0.0))
    assert find_suspects([first, second]) == find_suspects([second, first])


def test_without_predictions_nothing_is_judged() -> None:
    assert find_suspects([]) == Suspects(images=(), num_networks=0, num_held_out=0, num_judged=0)


def test_a_network_whose_logits_overflowed_suspects_nothing() -> None:
    nan = float("nan")
    found = find_suspects([network((0, 1, 0, nan, nan)), network((0, 1, 0, 0.5, 0.25))])
    assert found.images[0].label_probability == pytest.approx((1 + 0.25) / 2)
    assert found.images[0].confidence == pytest.approx(0.25)
