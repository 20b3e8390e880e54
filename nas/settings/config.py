"""Settings of a search, checked at the door."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator
from pydantic_core import CoreSchema, core_schema

from nas.costs.constraint import Constraint
from nas.engine.limits import MAX_FAILURES
from nas.engine.timeouts import Timeout
from nas.mirror.url import without_password
from nas.reward import PARAMS_EXPONENT, STEP_TIME_EXPONENT
from nas.samplers import make_sampler
from nas.settings.fidelity_config import ProgressiveConfig
from nas.units import Duration, MemorySize
from trainer.config import ProxyConfig
from trainer.proxy.rungs import ladder_rungs

DEFAULT_FINALISTS = 3
LEAST_BUDGET_WITH_FINALISTS = 12  # below it, a further round would cost as much as the search

# Settings of how a search is carried out, on which no candidate's result depends.
EXECUTION = (
    "budget",
    "workers",
    "gpus_per_worker",
    "executor",
    "address",
    "max_concurrent",
    "time_budget",
    "candidate_timeout",
    "max_failures",
    "worker_memory",
    "mirror",
    "finalists",
    "finalist_seeds",
    "finalist_epochs",
    "step_time_table",
)


class ParsedText:
    """Pydantic annotation of a class with a `parse` method and a `text` attribute.

    A field of such a class is text in files and an instance of the class in the configuration.
    """

    def __get_pydantic_core_schema__(self, source: Any, _: object) -> CoreSchema:
        """Return the schema: instances pass, text is parsed, and `text` is written."""

        def parse(value: object, validate_text: Callable[[object], str]) -> object:
            return value if isinstance(value, source) else source.parse(validate_text(value))

        return core_schema.no_info_wrap_validator_function(
            parse,
            core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(attrgetter("text")),
        )


class SearchConfig(BaseModel):
    """Everything that a search's results depend on, and how it is executed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field(default="digits-scenes", description="Embedded set, folder, parquet, hub.")
    space: str = Field(default="tiny", description="Packaged search space, or a YAML file.")
    sampler: Literal["random", "tpe", "evolution", "controller", "nsga2", "surrogate", "auto"] = (
        Field(default="auto", description="What proposes the next candidate.")
    )
    sampler_options: dict[str, int | float | bool | str] = Field(
        default_factory=dict, description="The sampler's own settings, such as population."
    )
    seed: int = Field(default=0, ge=0, description="Seed of proposals and of every training.")
    budget: int = Field(default=16, ge=1, description="Distinct candidates in total.")
    w: float = Field(default=STEP_TIME_EXPONENT, le=0, description="Exponent of step time.")
    v: float = Field(default=PARAMS_EXPONENT, le=0, description="Exponent of parameters.")
    constraints: tuple[Annotated[Constraint, ParsedText()], ...] = Field(
        default=(), description='Limits, such as "params < 24M" or "step_time < 1.2".'
    )
    step_time_table: str | None = Field(
        default=None,
        description="Table of step times that predicts them before training: a file, or auto.",
    )
    start_from: tuple[str, ...] = Field(
        default=(), description="Published names, files or run folders to begin with."
    )
    proxy: ProxyConfig = Field(description="Each candidate's short training.")
    fidelity: Literal["full", "progressive"] = Field(
        default="full", description="Train every candidate in full, or only what deserves it."
    )
    progressive: ProgressiveConfig = Field(
        default_factory=ProgressiveConfig, description="Rungs of fidelity progressive."
    )
    finalists: int | None = Field(
        default=None,
        ge=0,
        description="Best candidates that are trained again before one wins; null: 3 where the "
        "budget is 12 or more, else none.",
    )
    finalist_seeds: int = Field(default=2, ge=1, description="Further trainings of a finalist.")
    finalist_epochs: int | None = Field(
        default=None, ge=1, description="Their epochs; null: twice the proxy's."
    )
    workers: int = Field(default=1, ge=1, description="Candidates in training at once.")
    gpus_per_worker: float = Field(default=0.0, ge=0, description="GPUs of a worker; 0 is CPU.")
    executor: Literal["actors", "tune"] = Field(
        default="actors", description="A pool of Ray actors, or Ray Tune."
    )
    address: str | None = Field(
        default=None, description="A Ray cluster to join; null starts one."
    )
    max_concurrent: int | None = Field(
        default=None, ge=1, description="Candidates in flight at once; null: all workers."
    )
    time_budget: Annotated[Duration, ParsedText()] | None = Field(
        default=None, description="Time of the run, all sessions together, such as 2h or 1h30m."
    )
    candidate_timeout: Annotated[Timeout, ParsedText()] = Field(
        default=Timeout.parse("20x"),
        description="A candidate's time: 10m, a multiple of the median, or off.",
    )
    max_failures: int = Field(
        default=MAX_FAILURES, ge=0, description="Candidates that may fail in a row."
    )
    worker_memory: Annotated[MemorySize, ParsedText()] | None = Field(
        default=None, description="Host memory of one worker, such as 4GB; null: an equal share."
    )
    mirror: str | None = Field(
        default=None, description="An Optuna storage that is kept up to date: URL or journal file."
    )

    @model_validator(mode="after")
    def _sampler_takes_its_options(self) -> Self:
        make_sampler(self.sampler, seed=self.seed, **self.sampler_options)
        return self

    @model_validator(mode="after")
    def _rungs_are_possible(self) -> Self:
        if self.fidelity == "progressive":
            if self.executor == "tune":
                raise ValueError("--fidelity progressive needs --executor actors, got tune")
            ladder_rungs(self.proxy, self.progressive)
        return self

    @field_serializer("mirror")
    def _shown(self, url: str | None) -> str | None:
        """Keep a password out of every file."""
        return None if url is None else without_password(url)

    @property
    def num_finalists(self) -> int:
        """How many of the best candidates are trained again."""
        if self.finalists is not None:
            return self.finalists
        return DEFAULT_FINALISTS if self.budget >= LEAST_BUDGET_WITH_FINALISTS else 0

    @property
    def epochs_of_finalists(self) -> int:
        """Epochs of each further training."""
        return self.finalist_epochs or 2 * self.proxy.epochs

    def identity(self) -> dict[str, Any]:
        """Return the settings that results depend on: a resumed run must not change them.

        The budget may grow, and neither who executes the candidates nor what is done with the
        best of them afterwards matters to their results. A run keeps the table of step times
        that it began with, whatever file that came from.
        Nested settings come flat, so that a difference can be named: ``proxy.epochs``.
        """
        left_out = set(EXECUTION) if self.start_from else {*EXECUTION, "start_from"}
        if self.fidelity == "full":  # as runs of before there was another
            left_out |= {"fidelity", "progressive"}
        identity = _flat(self.model_dump(mode="json", exclude=left_out))
        return {name: value for name, value in identity.items() if name != "proxy.seed"}  # is seed


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


CANDIDATES, TIMES_LONGER, SHORT_SEEDS = 8, 4, 2


AUTO = "auto"
