"""The Gaussian process: features, weights of the decisions, predictions."""

from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution

from nas.samplers.surrogate.decision_encoding import DecisionEncoding
from nas.samplers.surrogate.gp.categorical_gp import CategoricalGP
from nas.samplers.surrogate.gp.evidence import ard_weights
from nas.samplers.surrogate.gp.kernels import Kernel, KernelFeatures


def codes(*rows: tuple[int, ...]) -> Any:
    return np.array(rows, dtype=np.int64)


def three_switches() -> KernelFeatures:
    """Three decisions that have nothing in common."""
    return KernelFeatures(
        [DecisionEncoding(CategoricalDistribution((f"{name}0", f"{name}1"))) for name in "abc"]
    )


def test_decisions_with_the_same_options_share_features() -> None:
    same = CategoricalDistribution(("a", "b", "c"))
    other = CategoricalDistribution(("x", "y"))
    features = KernelFeatures([DecisionEncoding(each) for each in (same, same, other)])
    points = codes((0, 1, 0), (1, 0, 1), (0, 1, 1))
    own, common = features(points, np.ones(3))
    assert own @ own.T == pytest.approx(np.array([[3, 0, 2], [0, 3, 1], [2, 1, 3]]) / 3)
    assert common[0] == pytest.approx(common[1])  # the same options in other decisions
    assert common.shape == (3, 4)


def test_neighbouring_numbers_are_similar_and_names_are_not() -> None:
    numbers = CategoricalDistribution((8, 16, 24, 32))
    names = CategoricalDistribution(("d", "c", "b", "a"))
    for distribution, order in ((numbers, True), (names, False)):
        features = KernelFeatures([DecisionEncoding(distribution)])
        own, _ = features(codes((0,), (1,), (3,)), np.ones(1))
        agree = own @ own.T
        assert np.diag(agree) == pytest.approx(1.0)
        assert (agree[0, 1] > agree[0, 2] > 0.0) == order
        assert (agree[0, 1] == pytest.approx(0.0)) == (not order)


def test_a_larger_weight_counts_more_in_the_agreement() -> None:
    features, points = three_switches(), codes((0, 0, 0), (1, 0, 0), (0, 1, 1))
    own, _ = features(points, np.array([2.0, 0.5, 0.5]))
    assert (own @ own.T)[0] == pytest.approx([1, 1 / 3, 2 / 3])
    agreement = features.agreement(points)
    assert agreement.shape == (3, 3, 3)
    assert agreement[:, 0, 1].tolist() == [0, 1, 1]


def test_ard_weights_find_the_decision_that_matters() -> None:
    """One of three decisions determines the target."""
    rng = np.random.default_rng(0)
    points = rng.integers(2, size=(40, 3))
    target = (points[:, 1] - points[:, 1].mean()) / points[:, 1].std()
    agreement = three_switches().agreement(points)
    found = ard_weights(
        agreement,
        np.ones((40, 40)),
        target + 0.05 * rng.normal(size=40),
        Kernel(all_orders=1.0, length=1.0),
        0.02,
    )
    assert found.mean() == pytest.approx(1.0)
    assert found[1] > 3 * max(found[0], found[2])
    unknown = ard_weights(
        agreement[:, :1, :1], np.ones((1, 1)), target[:1] * 0, Kernel(main=1.0), 0.02
    )
    assert unknown == pytest.approx(1.0)


def fitted(points: Any, rewards: Any, *, pending: Any, max_components: int = 1) -> CategoricalGP:
    return CategoricalGP(
        points, rewards, three_switches(), pending=pending, max_components=max_components
    )


def test_the_process_interpolates_and_is_uncertain_elsewhere() -> None:
    points = codes((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0))
    rewards = points.sum(axis=1).astype(float)[:, None]
    gp = fitted(points, rewards, pending=points[:0], max_components=4)
    (posterior,) = gp.predict(np.concatenate([points, codes((1, 1, 1))]))
    mean, std = posterior.weights @ posterior.mean, posterior.weights @ posterior.std
    assert mean[:5] == pytest.approx(rewards[:, 0], abs=0.15)
    assert mean[5] > 2.2  # never seen, and the largest by the effects of the decisions
    assert std[5] > std[:5].max()


def test_a_pending_point_is_less_uncertain_and_has_the_same_mean() -> None:
    points = codes((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    rewards = np.array([[0.0], [1.0], [2.0], [4.0]])
    asked = codes((1, 1, 1))
    (before,) = fitted(points, rewards, pending=asked[:0]).predict(asked)
    (after,) = fitted(points, rewards, pending=asked).predict(asked)
    assert after.mean == pytest.approx(before.mean)
    assert after.std < 0.5 * before.std
