"""Rungs of the short training, each a phase of progressive learning. Pure arithmetic."""

from dataclasses import dataclass, replace

from trainer.config import ProxyConfig, RungsConfig
from trainer.schedule import Phase, cosine, exponential, progressive_phases, scaled_learning_rate

SIZE_MULTIPLE = 8  # of the image sizes below the last, pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One part of a candidate's short training.

    Attributes:
        phase: Image size and regularisation.
        first_epoch: Counted over all rungs, so that no epoch's order of images is repeated.
        epochs: Its epochs, >= 1.
        warmup_epochs: Epochs of rising learning rate at the start of the schedule.
    """

    phase: Phase
    first_epoch: int
    epochs: int
    warmup_epochs: float


def training_rungs(config: ProxyConfig, rungs: RungsConfig | None = None) -> tuple[Rung, ...]:
    """Return the rungs of the proxy's training; one rung if `rungs` is None.

    The only rung of a full training has the proxy's image size and epochs, without dropout and
    RandAugment. With several rungs, the image sizes grow evenly from ``rungs.first_size`` of
    the proxy's to the proxy's; those below it are multiples of 8 pixels, and at least 8. The
    epochs are shared evenly, and the remainder goes to the last rungs: the growing images alone
    make each rung more expensive than the one before.

    Raises:
        ValueError: If there are fewer epochs than rungs.

    Source: EfficientNetV2 (arXiv:2104.00298), section 4.2, algorithm 1, for the phases.
    """
    full = Phase(image_size=config.image_size, dropout=0.0, randaug_magnitude=0.0, mixup_alpha=0.0)
    if rungs is None:
        warmup = config.warmup_epochs
        return (Rung(phase=full, first_epoch=0, epochs=config.epochs, warmup_epochs=warmup),)
    if config.epochs < rungs.rungs:
        raise ValueError(
            f"--epochs must be at least the rungs, {rungs.rungs}, got {config.epochs}; "
            "--rungs sets fewer"
        )
    # The nearest multiple, halves upwards.
    multiples = max(1, int(rungs.first_size * config.image_size / SIZE_MULTIPLE + 0.5))
    first_size = min(multiples * SIZE_MULTIPLE, config.image_size)
    phases = progressive_phases(
        replace(full, image_size=first_size),
        replace(full, dropout=rungs.dropout, randaug_magnitude=rungs.randaug_magnitude),
        count=rungs.rungs,
        size_multiple=SIZE_MULTIPLE,
    )
    share, left = divmod(config.epochs, rungs.rungs)
    epochs = [share + (index >= rungs.rungs - left) for index in range(rungs.rungs)]
    return tuple(
        Rung(
            phase=phase,
            first_epoch=sum(epochs[:index]),
            epochs=epochs[index],
            warmup_epochs=min(config.warmup_epochs, epochs[index] / 2),
        )
        for index, phase in enumerate(phases)
    )


def rung_learning_rate(
    config: ProxyConfig, rung: Rung, steps_per_epoch: int, epoch: int, step: int
) -> float:
    """Return the learning rate of a step.

    The cosine falls from the peak to zero within each rung, so that every rung ends with a
    network that can be ranked; only the first rung warms up. The exponential schedule continues
    over all rungs.

    Args:
        config: Peak and kind of the schedule.
        rung: The rung of the step.
        steps_per_epoch: Steps of one epoch.
        epoch: Counted from 0 over all rungs.
        step: Counted from 0 in the epoch.

    Source: Loshchilov & Hutter, SGDR (arXiv:1608.03983), section 3, for the restarts.
    """
    peak = scaled_learning_rate(config.learning_rate, config.batch_size)
    warmup = rung.warmup_epochs * steps_per_epoch
    if config.schedule == "exponential":
        now = epoch * steps_per_epoch + step
        return exponential(now, peak=peak, steps_per_epoch=steps_per_epoch, warmup_steps=warmup)
    now = (epoch - rung.first_epoch) * steps_per_epoch + step
    return cosine(
        now,
        peak=peak,
        total_steps=rung.epochs * steps_per_epoch,
        warmup_steps=warmup if rung.first_epoch == 0 else 0.0,
    )
