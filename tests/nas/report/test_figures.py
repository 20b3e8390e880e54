"""The figure of a search as PNG: areas of circles, and both accuracies of the winner."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from nas.report.figures import search_figure
from tests.nas.nas_records import failed, trained
from tests.toys.metrics import with_metrics


def test_areas_are_proportional_to_parameters() -> None:
    sizes = (400_000, 100_000, 25_000)
    records = [with_metrics(trained(n, 0.5), num_params=size) for n, size in enumerate(sizes)]
    axes = search_figure(records, "run").axes[0]
    circles = axes.collections[0]
    assert isinstance(circles, PathCollection)
    areas = np.asarray(circles.get_sizes())
    assert areas[0] / areas[1] == pytest.approx(4)
    assert areas[1] / areas[2] == pytest.approx(4)


def test_the_mean_of_the_further_trainings_is_marked_apart() -> None:
    before = trained(0, 0.5, accuracy=0.8)
    mean = trained(0, 0.5, accuracy=0.7)
    axes = search_figure([before, trained(1, 0.4)], "run", winner=mean).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    texts = [text.get_text() for text in legend.get_texts()]
    assert "winner (candidate 0), its training in the search" in texts
    assert "winner, mean of its further trainings" in texts
    assert np.asarray(axes.lines[-1].get_ydata()).tolist() == [70.0]  # in percent


def test_without_further_trainings_there_is_one_mark() -> None:
    axes = search_figure([trained(0, 0.5)], "run", winner=trained(0, 0.5)).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert not any("mean" in text.get_text() for text in legend.get_texts())


def test_a_figure_needs_a_trained_candidate() -> None:
    with pytest.raises(ValueError, match="at least one trained candidate"):
        search_figure([failed(0)], "run")
