"""Training step of one part of a network: a block, the stem or the head.

The input of the part and the gradient of its output are noise of the shape and precision that
they have in a network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_space.architecture import BlockType, Stage
from search_space.nn import LayerOptions, build_block, conv_norm_act
from search_space.parts import HEAD, STEM, Part
from trainer.device.precision import autocast
from trainer.optim import make_optimizer
from trainer.timing.synthetic_step import StepSettings
from trainer.timing.training_step import Step

# Defaults of `build_network`.
_OPTIONS = LayerOptions(padding="symmetric", bn_eps=1e-3, bn_momentum=0.1)
_LABEL_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStep(Step):
    """Training step of one part; the gradient of the input is computed too, except the stem's.

    `network` is the part, and `images` its input. `labels` is the gradient of the output, of its
    shape (batch, channels, side, side); for the head it holds int64 labels (batch,).
    """

    def forward(self) -> Tensor:
        """Return the output of the part; for the head the loss, a scalar."""
        self.images.grad = None  # gradients must not accumulate over steps
        with autocast(self.images.device, self.precision):
            out: Tensor = self.network(self.images)
        if self.labels.dtype == torch.int64:
            return F.cross_entropy(out.float(), self.labels, label_smoothing=_LABEL_SMOOTHING)
        return out

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of `loss`, the result of `forward`."""
        loss.backward(None if loss.ndim == 0 else self.labels)


def part_step(part: Part, settings: StepSettings) -> PartStep:
    """Return the step of a new part; equal arguments give equal steps."""
    torch.manual_seed(0)
    device, precision = settings.device, settings.resolved_precision
    # The input of every part but the stem is the output of another one, in its precision.
    inner = torch.bfloat16 if precision == "bf16" else torch.float32
    module = _module(part, settings.num_classes).to(device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    first = part.kind == STEM
    shape = (settings.batch_size, part.in_width, part.side, part.side)
    images = _noise(shape, device, torch.float32 if first else inner)
    images.requires_grad_(not first)
    if part.kind == HEAD:
        labels = torch.randint(settings.num_classes, (settings.batch_size,), device=device)
    else:
        side = -(-part.side // part.stride)
        out_shape = (settings.batch_size, part.out_width, side, side)
        labels = _noise(out_shape, device, inner)
    return PartStep(
        network=module,
        optimizer=make_optimizer(settings.optimizer, module, learning_rate=0.0),
        images=images,
        labels=labels,
        precision=precision,
    )


class _Head(nn.Module):
    """Convolution, pooling and classifier: the end of `search_space.network.Network`."""

    def __init__(self, part: Part, num_classes: int) -> None:
        super().__init__()
        self.conv = conv_norm_act(part.in_width, part.out_width, 1, options=_OPTIONS)
        self.classifier = nn.Linear(part.out_width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.conv(x).mean((2, 3)))
        return logits


def _module(part: Part, num_classes: int) -> nn.Module:
    if part.kind == STEM:
        width, stride = part.out_width, part.stride
        return conv_norm_act(part.in_width, width, 3, options=_OPTIONS, stride=stride)
    if part.kind == HEAD:
        return _Head(part, num_classes)
    stage = Stage(
        block=BlockType(part.kind),
        depth=1,
        width=part.out_width,
        kernel_size=part.kernel_size,
        expand_ratio=part.expand_ratio,
        stride=part.stride,
        se_ratio=part.se_ratio,
    )
    return build_block(stage, part.in_width, part.stride, _OPTIONS)


def _noise(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    noise = torch.randn(shape, device=device)
    return noise.to(dtype).contiguous(memory_format=torch.channels_last)
