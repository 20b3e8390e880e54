"""Values of an evaluation: what its files hold, and what a report shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self

from search_space.checks import require
from search_space.kinds import wrong_field

SCHEMA = "nas.evaluation/1"
SplitName = Literal["train", "validation", "test", "holdout"]
Counts = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeResult:
    """Accuracy of a network at one image size.

    Attributes:
        image_size: Side of the network's input, pixels.
        top1: Share of images whose class has the largest logit, in [0, 1]; of several classes of
            an image any one.
        top1_low: Lower end of the 95 % confidence interval of `top1`.
        top1_high: Its upper end.
        top5: Share of images whose class is among the five largest logits, in [0, 1].
        loss: Mean cross-entropy in nats, without label smoothing.
        calibration_error: Expected calibration error, in [0, 1].
        latency: Measured times of the forward pass by the names of their columns; empty if they
            were not measured.
    """

    image_size: int
    top1: float
    top1_low: float
    top1_high: float
    top5: float
    loss: float
    calibration_error: float
    latency: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values in one dict; `from_dict` inverts it."""
        names = [one.name for one in fields(self) if one.name != "latency"]
        return {**{name: getattr(self, name) for name in names}, **self.latency}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the result with these values; what has no field of its own is the latency."""
        own = {one.name for one in fields(cls)} - {"latency"}
        latency = {name: value for name, value in values.items() if name not in own}
        return cls(**{name: values[name] for name in own}, latency=latency)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """How well one class is told from the others; None is a share of no images.

    Attributes:
        name: The class.
        support: Number of images of the class.
        precision: Share of the images predicted as this class that are of it; None if none is.
        recall: Share of the images of this class that are predicted as it. None without such
            images, and if images have several classes, as one prediction cannot be all of them.
        f1: Harmonic mean of precision and recall; None if both have no images, or recall is None.
    """

    name: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values; the name's key is ``class``."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"class": own.pop("name"), **own}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the result with these values; `to_dict` inverts it."""
        return cls(name=values["class"], **{k: v for k, v in values.items() if k != "class"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Images whose confidence is in one interval.

    Attributes:
        low: Lower end of the interval, which is not part of it.
        high: Its upper end, which is part of it.
        count: Number of images in it.
        confidence: Mean confidence of them; None without images.
        accuracy: Share of them whose prediction is right; None without images.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """An evaluation of a model on one split: the content of ``SPLIT.json``.

    Attributes:
        model: Path of the model file.
        key: Key of its architecture.
        name: Name of the training.
        data: Name of the data set.
        content: Digest of its content.
        cache: Folder of the decoded images.
        split: Which images; "holdout" is the part of the training split that the training did
            not see.
        weights: "ema" for the averaged weights, "raw" for those of the last step.
        device: Model name of the device.
        precision: Arithmetic of the forward pass.
        torch_version: Version of torch.
        date: When the evaluation ended, ISO 8601 with the offset from UTC.
        command: The words of the command line.
        num_images: Number of images.
        class_names: Class names by output of the network.
        image_size: The size that the details below are of, pixels.
        sizes: The result at every size.
        per_class: By output of the network.
        confusion: Number of images by true class (rows) and predicted class (columns). None if
            images have several classes, or the model has more than `MOST_CLASSES`.
        reliability: 15 intervals of confidence of equal width, from 0 to 1.
    """

    model: str
    key: str
    name: str
    data: str
    content: str
    cache: str
    split: SplitName
    weights: str
    device: str
    precision: str
    torch_version: str
    date: str
    command: tuple[str, ...]
    num_images: int
    class_names: tuple[str, ...]
    image_size: int
    sizes: tuple[SizeResult, ...]
    per_class: tuple[ClassResult, ...]
    confusion: Counts | None
    reliability: tuple[ReliabilityBin, ...]

    @property
    def result(self) -> SizeResult:
        """The result at the image size that the details are of."""
        return next(one for one in self.sizes if one.image_size == self.image_size)

    def with_latencies(self, latencies: Mapping[int, Mapping[str, Any]]) -> Self:
        """Return the record with latencies by image size; sizes without one stay as they are."""
        sizes = (
            replace(one, latency=latencies.get(one.image_size, one.latency)) for one in self.sizes
        )
        return replace(self, sizes=tuple(sizes))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready content of the file; `from_dict` inverts it."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            "schema": SCHEMA,
            **own,
            "command": list(self.command),
            "class_names": list(self.class_names),
            "sizes": [one.to_dict() for one in self.sizes],
            "per_class": [one.to_dict() for one in self.per_class],
            "confusion": None if self.confusion is None else [list(row) for row in self.confusion],
            "reliability": [
                {one.name: getattr(interval, one.name) for one in fields(interval)}
                for interval in self.reliability
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the evaluation with these values; keys of later versions are passed over.

        Raises:
            ValueError: If it has another schema, or a value is missing or has another form.
        """
        schema = values.get("schema") if isinstance(values, Mapping) else None
        require(schema == SCHEMA, "schema", SCHEMA, schema)
        try:
            own = {one.name: values[one.name] for one in fields(cls)}
            confusion = own["confusion"]
            record = cls(
                **{
                    **own,
                    "command": tuple(own["command"]),
                    "class_names": tuple(own["class_names"]),
                    "sizes": tuple(SizeResult.from_dict(one) for one in own["sizes"]),
                    "per_class": tuple(ClassResult.from_dict(one) for one in own["per_class"]),
                    "confusion": None if confusion is None else tuple(map(tuple, confusion)),
                    "reliability": tuple(ReliabilityBin(**one) for one in own["reliability"]),
                }
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"a value is missing or has another form: {error!r}") from error
        record.check()
        return record

    def check(self) -> None:
        """Check the kinds of all values, and that the parts fit to each other.

        Raises:
            ValueError: If they do not.
        """
        if wrong := wrong_field(self):
            raise ValueError(f"a value is of another kind: {wrong}")
        classes = len(self.class_names)
        sizes = [one.image_size for one in self.sizes]
        require(self.image_size in sizes, "image_size", "one of sizes", self.image_size)
        require(len(self.per_class) == classes, "per_class", "one of each class", self.per_class)
        if self.confusion is not None:
            square = [len(row) for row in self.confusion] == [classes] * classes
            require(square, "confusion", f"{classes} rows of {classes} numbers", self.confusion)
