"""The network as it is exported: it takes pixels, and gives logits and probabilities."""

import torch
from torch import Tensor, nn

from search_space.network import Network
from trainer.model_file import ModelFile
from trainer.preprocessing import normalise

INPUT, LOGITS, PROBABILITIES = "images", "logits", "probabilities"


class PixelNetwork(nn.Module):
    """Maps pixels to the logits and the probabilities of the classes.

    The input is uint8: pixels that were scaled by mistake, to [0, 1] or [-1, 1], are of another
    type, so that runtimes refuse them.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs of RGB images.

        Args:
            images: (batch, 3, size, size), uint8.

        Returns:
            Logits and their softmax, both (batch, classes), float32.
        """
        logits = self.network(normalise(images))
        return logits, logits.softmax(dim=1)


def pixel_network(model: ModelFile) -> PixelNetwork:
    """Return the network of `model` with its averaged weights, in evaluation mode, on the CPU."""
    return PixelNetwork(model.network()).eval()


def sample_pixels(count: int, size: int) -> Tensor:
    """Return uint8 images (count, 3, size, size): noise, and smooth ones as photos are.

    They are always the same for the same arguments.
    """
    generator = torch.Generator().manual_seed(count)
    noise = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    coarse = torch.rand((count, 3, 4, 4), generator=generator)
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)
    noise[1::2] = (255 * smooth[1::2]).round().to(torch.uint8)
    return noise
