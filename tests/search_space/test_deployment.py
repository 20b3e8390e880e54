"""A network with either padding is scripted, exported and compiled, with the same outputs."""

import pytest
import torch

from search_space.network import Network, build_network
from search_space.nn import Padding
from tests.toys.training import architecture

PADDINGS: tuple[Padding, ...] = ("symmetric", "tf-same")
# Even and odd sides: TensorFlow pads them differently.
IMAGES = torch.randn(2, 3, 31, 24, generator=torch.Generator().manual_seed(0))


def evaluated(padding: Padding) -> Network:
    torch.manual_seed(0)
    network = build_network(architecture(), 5, padding=padding).eval()
    network.set_input_shift((-0.03, -0.088, -0.188) if padding == "tf-same" else None)
    return network


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("padding", PADDINGS)
def test_a_scripted_network_gives_the_same_bits_at_every_size(padding: Padding) -> None:
    network = evaluated(padding)
    scripted = torch.jit.script(network)
    for images in (IMAGES, IMAGES[:, :, :22], IMAGES[:, :, :, :17]):
        assert torch.equal(scripted(images), network(images))


@pytest.mark.parametrize("padding", PADDINGS)
def test_an_exported_network_gives_the_same_bits_for_every_batch(padding: Padding) -> None:
    network = evaluated(padding)
    shapes = {"images": {0: torch.export.Dim("batch", min=2)}}
    exported = torch.export.export(network, (IMAGES,), dynamic_shapes=shapes).module()
    more = torch.cat((IMAGES, -IMAGES))
    assert torch.equal(exported(more), network(more))


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_network_is_one_graph_of_torch_compile(padding: Padding) -> None:
    network = evaluated(padding)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    assert torch.equal(compiled(IMAGES), network(IMAGES))
