"""Moving average: TensorFlow's ramp of the decay, weights and running statistics."""

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from trainer.fit.state import averaged_network


def weight_of(average: AveragedModel) -> Tensor:
    weight: Tensor = average.module.state_dict()["weight"]
    return weight


def test_the_average_follows_the_ramp() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = averaged_network(network, 0.9999)
    nn.init.ones_(network.weight)
    found = []
    for _ in range(11):
        average.update_parameters(network)
        found.append(1 - weight_of(average).item())
    # Share of the initial weights: 1/10, then 2/11 and 3/12 of that.
    assert found[0] == pytest.approx(0.1, abs=1e-6)
    assert found[1] == pytest.approx(0.1 * 2 / 11, abs=1e-6)
    assert found[2] == pytest.approx(0.1 * 2 / 11 * 3 / 12, abs=1e-6)


def test_the_decay_is_at_most_the_configured_one() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = averaged_network(network, 0.15)
    nn.init.ones_(network.weight)
    for _ in range(2):
        average.update_parameters(network)
    assert 1 - weight_of(average).item() == pytest.approx(0.1 * 0.15, abs=1e-6)


def test_running_statistics_are_averaged_and_counters_copied() -> None:
    network = nn.BatchNorm2d(2)
    average = averaged_network(network, 0.5)
    network(torch.randn(4, 2, 3, 3) + 5)
    average.update_parameters(network)
    expected = 0.1 * torch.zeros(2) + 0.9 * network.running_mean  # type: ignore[operator]
    torch.testing.assert_close(average.module.state_dict()["running_mean"], expected)
    assert average.module.state_dict()["num_batches_tracked"] == 1


def test_decay_0_gives_the_current_weights() -> None:
    network = nn.Linear(2, 2)
    average = averaged_network(network, 0.0)
    nn.init.ones_(network.weight)
    average.update_parameters(network)
    torch.testing.assert_close(weight_of(average), network.weight.detach())


def test_a_decay_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="decay must be in"):
        averaged_network(nn.Linear(1, 1), 1.0)
