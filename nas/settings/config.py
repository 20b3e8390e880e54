"""Settings of a search."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_serializer, model_validator

from nas.costs.constraint import Constraint
from nas.dispatch.limits import MAX_FAILURES, Timeout
from nas.engine.pruning import PruningRule
from nas.mirror.url import without_password
from nas.reward import PARAMS_EXPONENT, STEP_TIME_EXPONENT
from nas.samplers import make_sampler
from nas.units import Duration, MemorySize
from trainer.config import (
    MAX_EPOCHS,
    MAX_SEED,
    ParsedText,
    ProxyConfig,
    ReadingConfig,
    RungsConfig,
    Settings,
)
from trainer.data.prepare import DATA_TAKES
from trainer.proxy.rungs import Rung, training_rungs

SamplerName = Literal["random", "tpe", "evolution", "controller", "nsga2", "surrogate", "auto"]

AUTO = "auto"  # value of `step_time_table`: the search measures its own table
DEFAULT_FINALISTS = 3
# Below this budget, training the finalists would cost as much as the search.
MIN_BUDGET_WITH_FINALISTS = 12
PROXY_CHECK_CANDIDATES = 8
PROXY_CHECK_EPOCHS_FACTOR = 4  # epochs of the longer training / those of the search

# Settings of how a search is executed, by group of flags. No candidate's result depends on them.
FINALISTS = ("finalists", "finalist_seeds", "finalist_epochs")
WORKERS = ("workers", "gpus_per_worker", "max_concurrent", "executor", "address", "mirror")
LIMITS = ("time_budget", "candidate_timeout", "max_failures", "worker_memory")
EXECUTION_SETTINGS = ("budget", "step_time_table", *FINALISTS, *WORKERS, *LIMITS)


class ProgressiveConfig(RungsConfig):
    """Successive halving: the rungs, the promotion from rung to rung, and pruning."""

    eta: int = Field(default=3, ge=2)
    """One of this many candidates of a rung reaches the next one."""
    prune: Literal["reward", "front", "off"] = "reward"
    """Candidates that are not trained: those that cannot be among the best by reward (reward),
    those that cannot reach the Pareto front of accuracy, step time and parameters (front), or none
    (off).
    """
    top: int = Field(default=5, ge=1)
    """Number of best candidates for prune reward."""
    accuracy_bound: float = Field(default=1.0, gt=0, le=1)
    """Highest accuracy that pruning considers possible; 1 loses no candidate."""
    headroom: float | None = Field(default=None, gt=0, le=1)
    """Highest gain over the best accuracy so far that pruning considers possible."""

    @property
    def pruning_rule(self) -> PruningRule:
        """Rule for candidates that are not trained."""
        return PruningRule(
            by=self.prune,
            top=self.top,
            accuracy_bound=self.accuracy_bound,
            max_accuracy_gain=self.headroom,
        )


class SearchConfig(Settings):
    """All settings that a search's results depend on, and how the search is executed."""

    data: str = Field(default="digits-scenes", description=f"Images: {DATA_TAKES}.")
    space: str = "tiny"
    """Search space: tiny, efficientnet-b4, efficientnetv2-s, or a YAML file."""
    sampler: SamplerName = "auto"
    """Sampler that proposes the candidates."""
    sampler_options: dict[str, int | float | bool | str] = Field(default_factory=dict)
    """Option of the sampler, such as population=20."""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    """Seed of the proposals and all trainings."""
    budget: int = Field(default=16, ge=1)
    """Number of distinct candidates; may be raised later."""
    w: float = Field(default=STEP_TIME_EXPONENT, le=0)
    """Exponent of the step time in the reward."""
    v: float = Field(default=PARAMS_EXPONENT, le=0)
    """Exponent of the parameters in the reward."""
    constraints: tuple[Annotated[Constraint, ParsedText()], ...] = ()
    """Limit such as "params < 24M", "macs < 9G", "step_time < 1.2" (relative to the reference
    network), "step_time < 40ms", "memory < 20GB", "latency < 20ms" or "latency < 1.2" (inference
    of one image). Predicted costs are checked before a candidate is timed, measured costs before
    it is trained.
    """
    step_time_table: str | None = None
    """Table that predicts step times before training: a file written by nas-time --space, or auto
    to measure one now. A limit on step_time implies auto.
    """
    start_from: tuple[str, ...] = ()
    """Network to try first: a published name, an architecture file or a run folder. One outside
    the space is replaced by the nearest network inside.
    """
    reading: ReadingConfig = Field(default_factory=ReadingConfig)
    """How the images are found and made square."""
    proxy: ProxyConfig
    """Each candidate's short training."""
    fidelity: Literal["full", "progressive"] = "full"
    """full: train all candidates for all epochs; progressive: train them in rungs of growing
    images, and promote only the best of each rung.
    """
    progressive: ProgressiveConfig = Field(default_factory=ProgressiveConfig)
    """Rungs of fidelity progressive."""
    finalists: int | None = Field(
        default=None,
        ge=0,
        description="Number of best candidates that are trained again before the winner is named "
        f"(default: {DEFAULT_FINALISTS} with a budget of {MIN_BUDGET_WITH_FINALISTS} or more, "
        "else 0).",
    )
    finalist_seeds: int = Field(default=2, ge=1)
    """Number of further trainings of each finalist."""
    finalist_epochs: int | None = Field(default=None, ge=1, le=MAX_EPOCHS)
    """Epochs of these trainings (default: twice those of the search)."""
    workers: int = Field(default=1, ge=1)
    """Number of candidates that are trained at the same time."""
    gpus_per_worker: float = Field(default=0.0, ge=0)
    """GPUs of each worker; 0: CPU."""
    executor: Literal["actors", "tune"] = "actors"
    """A pool of Ray actors, or Ray Tune."""
    address: str | None = None
    """Ray cluster to join, such as auto or host:6379 (default: start Ray here)."""
    max_concurrent: int | None = Field(default=None, ge=1)
    """Largest number of candidates at the same time (default: all workers)."""
    time_budget: Annotated[Duration, ParsedText()] | None = None
    """Time after which no new candidates start, over all sessions, such as 2h or 1h30m."""
    candidate_timeout: Annotated[Timeout, ParsedText()] = Timeout.parse("20x")
    """Time limit of a candidate: such as 10m, a multiple of the median such as 20x, or off."""
    max_failures: int = Field(default=MAX_FAILURES, ge=0)
    """Number of candidates in a row that may fail before the search stops."""
    worker_memory: Annotated[MemorySize, ParsedText()] | None = None
    """Host memory of each worker, such as 4GB (default: an equal share)."""
    mirror: str | None = None
    """Optuna storage that is kept up to date for dashboards: a journal file, sqlite:///FILE, or
    postgresql://USER@HOST/DATABASE.
    """

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        if "seed" in self.sampler_options:
            raise ValueError("the sampler's seed is that of the search: give it with --seed")
        make_sampler(self.sampler, seed=self.seed, **self.sampler_options)  # checks the options
        if self.fidelity == "progressive":
            if self.executor == "tune":
                raise ValueError("--fidelity progressive needs --executor actors, got tune")
            training_rungs(self.proxy, self.progressive)  # checks the number of epochs
        return self

    @field_serializer("mirror")
    def _masked(self, url: str | None) -> str | None:
        """Keep the password out of all files."""
        return None if url is None else without_password(url)

    @property
    def training_rungs(self) -> tuple[Rung, ...]:
        """Rungs of a candidate's training; one rung with fidelity full."""
        rungs = self.progressive if self.fidelity == "progressive" else None
        return training_rungs(self.proxy, rungs)

    @property
    def pruning_rule(self) -> PruningRule:
        """Rule for candidates that are not trained; fidelity full trains all."""
        return PruningRule() if self.fidelity == "full" else self.progressive.pruning_rule

    @property
    def num_finalists(self) -> int:
        """Number of best candidates that are trained again."""
        if self.finalists is not None:
            return self.finalists
        return DEFAULT_FINALISTS if self.budget >= MIN_BUDGET_WITH_FINALISTS else 0

    @property
    def epochs_of_finalists(self) -> int:
        """Epochs of each further training of a finalist."""
        return self.finalist_epochs or 2 * self.proxy.epochs

    def identity(self) -> dict[str, Any]:
        """Return the settings that results depend on, which a resumed run must not change.

        The settings of the execution are left out: the budget may grow, and a run keeps the
        table of step times that it started with. Nested settings have dotted names, such as
        ``proxy.epochs``.
        """
        left_out = {*EXECUTION_SETTINGS, *(() if self.start_from else ("start_from",)), "reading"}
        if self.fidelity == "full":  # ledgers from before progressive fidelity have neither
            left_out |= {"fidelity", "progressive"}
        identity = flat_settings(self.model_dump(mode="json", exclude=left_out))
        # Of the reading, what was changed: ledgers from before these settings have none of them.
        identity |= flat_settings({"reading": self.reading.model_dump(exclude_defaults=True)})
        return {name: value for name, value in identity.items() if name != "proxy.seed"}  # is seed


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted name, such as ``proxy.epochs``."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flat_settings(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
