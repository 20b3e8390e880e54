"""Metrics of an evaluation: interval of the accuracy, classes, confusion, calibration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.data.labels import Indices
from trainer.evaluation.outcomes import Flags, Outcomes, Shares
from trainer.evaluation.record import ClassResult, Counts, ReliabilityBin, SizeResult

# 0.975 quantile of the standard normal distribution: two sides of 95 %.
Z_95 = 1.959963984540054
NUM_BINS = 15
# The matrix of more classes is large, and few people read it.
MOST_CLASSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusedPair:
    """Images of one class that are taken for another.

    Attributes:
        true: Their class.
        predicted: The class that they are taken for.
        count: Their number.
        share: The same as a share of all images of their class, in (0, 1].
    """

    true: str
    predicted: str
    count: int
    share: float


def size_result(outcomes: Outcomes, image_size: int) -> SizeResult:
    """Return the accuracy, its interval, the loss and the calibration at one image size."""
    hits = int(outcomes.top1.sum())
    low, high = wilson_interval(hits, len(outcomes))
    bins = reliability(outcomes.confidence, outcomes.top1)
    return SizeResult(
        image_size=image_size,
        top1=hits / len(outcomes),
        top1_low=low,
        top1_high=high,
        top5=int(outcomes.top5.sum()) / len(outcomes),
        loss=math.fsum(outcomes.loss) / len(outcomes),
        calibration_error=calibration_error(bins),
    )


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share, `hits` of `count` independent images.

    Unlike the interval of the normal approximation it stays within [0, 1], and is no single point
    if all images are right.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
        Journal of the American Statistical Association 22 (1927), without continuity correction.
    """
    share, z2 = hits / count, Z_95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    half = Z_95 * spread / (1 + z2 / count)
    # At the ends one side is exactly 0 or 1, from which rounding may lead away.
    return (
        0.0 if hits == 0 else max(0.0, centre - half),
        1.0 if hits == count else min(1.0, centre + half),
    )


def reliability(confidence: Shares, correct: Flags) -> tuple[ReliabilityBin, ...]:
    """Return mean confidence and accuracy of the images in `NUM_BINS` intervals of confidence.

    Args:
        confidence: (count,) Probability of each prediction, in [0, 1].
        correct: (count,) Whether it is right.

    Source: Guo et al., "On calibration of modern neural networks" (arXiv:1706.04599), section 2:
        intervals ((m - 1) / M, m / M] of equal width, with M = 15 as in its experiments.
    """
    ends = np.arange(1, NUM_BINS + 1) / NUM_BINS
    places = np.searchsorted(ends, confidence)  # the first end that is not below it
    places = places.clip(max=NUM_BINS - 1)
    bins = []
    for place, high in enumerate(ends):
        chosen = places == place
        count = int(chosen.sum())
        bins.append(
            ReliabilityBin(
                low=place / NUM_BINS,
                high=float(high),
                count=count,
                confidence=float(confidence[chosen].mean()) if count else None,
                accuracy=int(correct[chosen].sum()) / count if count else None,
            )
        )
    return tuple(bins)


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error of a reliability table, in [0, 1].

    It is the mean difference between accuracy and mean confidence over the intervals, each
    weighted with its number of images.

    Source: Guo et al. (arXiv:1706.04599), equation 3.
    """
    total = sum(one.count for one in bins)
    return math.fsum(
        one.count / total * abs(one.accuracy - one.confidence)
        for one in bins
        if one.accuracy is not None and one.confidence is not None
    )


def class_results(outcomes: Outcomes, class_names: Sequence[str]) -> tuple[ClassResult, ...]:
    """Return precision, recall, F1 and support of every class, by output of the network.

    If images have several classes, a prediction is right for any of them. Then support and
    precision are defined, and recall and F1 are not: one prediction cannot find all classes.
    """
    if outcomes.multi_label:
        return _several_classes(outcomes, class_names)
    from sklearn.metrics import precision_recall_fscore_support  # it takes a second to import

    precision, recall, f1, support = precision_recall_fscore_support(
        outcomes.labels,
        outcomes.predicted,
        labels=np.arange(len(class_names)),
        zero_division=np.nan,
    )
    return tuple(
        ClassResult(
            name=name,
            support=int(support[i]),
            precision=_defined(precision[i]),
            recall=_defined(recall[i]),
            f1=_defined(f1[i]),
        )
        for i, name in enumerate(class_names)
    )


def _several_classes(outcomes: Outcomes, class_names: Sequence[str]) -> tuple[ClassResult, ...]:
    count = len(class_names)
    support = _counts(outcomes.labels[outcomes.labels >= 0], count)
    predicted = _counts(outcomes.predicted, count)
    right = _counts(outcomes.predicted[outcomes.top1], count)
    return tuple(
        ClassResult(
            name=name,
            support=int(support[i]),
            precision=right[i] / predicted[i] if predicted[i] else None,
            recall=None,
            f1=None,
        )
        for i, name in enumerate(class_names)
    )


def _counts(labels: Indices, classes: int) -> list[int]:
    return [int(count) for count in np.bincount(labels, minlength=classes)]


def _defined(share: float) -> float | None:
    return None if math.isnan(share) else float(share)


def confusion_matrix(outcomes: Outcomes, num_classes: int) -> Counts | None:
    """Return the number of images by true class (rows) and predicted class (columns).

    It is None if images have several classes, or if there are more than `MOST_CLASSES`.
    """
    if outcomes.multi_label or num_classes > MOST_CLASSES:
        return None
    from sklearn.metrics import confusion_matrix as counted  # it takes a second to import

    matrix = counted(outcomes.labels, outcomes.predicted, labels=np.arange(num_classes))
    return tuple(map(tuple, matrix.tolist()))


def worst_pairs(
    confusion: Counts, class_names: Sequence[str], *, most: int
) -> tuple[ConfusedPair, ...]:
    """Return the pairs of classes with the most mistakes, at most `most`, the worst one first.

    Of pairs with equal numbers, the one with the larger share of its true class comes first.
    """
    pairs = [
        ConfusedPair(
            true=class_names[true],
            predicted=class_names[predicted],
            count=count,
            share=count / sum(row),
        )
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count > 0 and predicted != true
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:most])
