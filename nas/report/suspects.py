"""The section of a search's page on images that every network gets wrong: likely label errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.analysis.label_errors import MIN_NETWORKS, Suspect, Suspects, find_suspects
from nas.finalists.predictions import FinalistPredictions
from nas.report.frame.page import Section, render_part
from nas.report.frame.table import Column, Row, Table
from nas.report.gallery import MAX_OF_GALLERY, Shown, share, thumbnail
from nas.report.thumbnails import Pictures, open_pictures
from search_space.counted import counted

MAX_ROWS = 500
SPLIT = "train"  # the search holds out a part of it


def suspects_section(
    predictions: FinalistPredictions, images: Mapping[str, Any]
) -> Section | None:
    """Return the section; None if no further training left predictions.

    Args:
        predictions: Those of the finalists' further trainings.
        images: What the run recorded of its images: ``folder``, ``content``, ``classes``,
            ``counts``.
    """
    if not predictions.found:
        return None
    suspects = find_suspects(predictions.found)
    folder = images.get("folder")
    pictures = (
        open_pictures(Path(folder), content=str(images.get("content") or ""))
        if isinstance(folder, str)
        else Pictures(images=None, reason="The run did not record where its images are.")
    )
    names = _Names(pictures, images)
    body = render_part(
        "suspects.html.jinja",
        lines=_lines(suspects, predictions, names),
        gallery=[names.shown(one) for one in suspects.images[:MAX_OF_GALLERY]],
        reason=pictures.reason if suspects.images else "",
        table=_table(suspects, names),
        num_rows=min(MAX_ROWS, len(suspects.images)),
        num_suspects=len(suspects.images),
    )
    return Section(
        name="label-errors", title="Likely label errors", body=body, styles=("gallery.css",)
    )


class _Names:
    """Names of classes and images."""

    def __init__(self, pictures: Pictures, images: Mapping[str, Any]) -> None:
        self.pictures = pictures
        classes, counts = images.get("classes"), images.get("counts")
        self._classes: Sequence[Any] = classes if isinstance(classes, list) else ()
        count = counts.get(SPLIT) if isinstance(counts, dict) else None
        self.num_images = f"{count:,} " if isinstance(count, int) else ""

    def of_class(self, label: int) -> str:
        return str(self._classes[label]) if label < len(self._classes) else f"class {label}"

    def of_image(self, position: int) -> str:
        split = self.pictures.split(SPLIT)
        if split is None or split.origins is None or position >= len(split):
            return f"image {position}"
        return split.origins[position]

    def said(self, one: Suspect) -> str:
        """Return what the networks predict, with their numbers if they disagree."""
        if len(one.said) == 1:
            return self.of_class(one.said[0][0])
        return ", ".join(f"{self.of_class(label)} ({times})" for label, times in one.said)

    def shown(self, one: Suspect) -> Shown:
        return Shown(
            picture=thumbnail(self.pictures, SPLIT, one.position),
            label=self.of_class(one.label),
            label_share=share(one.label_probability),
            said=self.said(one),
            said_share=share(one.confidence),
            by=f"{one.networks} networks",
            origin=self.of_image(one.position),
        )


def _lines(suspects: Suspects, predictions: FinalistPredictions, names: _Names) -> tuple[str, ...]:
    """Return sentences on what was compared, and what is missing."""
    judged, count = suspects.num_judged, len(suspects.images)
    verb = "is" if count == 1 else "are"
    trainings = counted(suspects.num_networks, "further training")
    lines = [
        f"Networks of {trainings} of finalists predict the images that were held out from them. "
        f"{judged:,} of {names.num_images}training images were "
        f"held out from at least {MIN_NETWORKS} of them, and {count:,} of these {verb} predicted "
        "wrong by every network that was not trained on them."
    ]
    if predictions.missing:
        lines.append(
            f"{counted(predictions.missing, 'further training')} left no predictions: an earlier "
            "version did it, or a worker that does not see the run's folder."
        )
    return (*lines, *(f"Passed over: {text}" for text in predictions.damaged))


def _table(suspects: Suspects, names: _Names) -> Table:
    return Table(
        name="suspects",
        caption="Images that every network gets wrong, the least probable label first",
        columns=(
            Column(head="rank"),
            Column(head="image"),
            Column(head="label"),
            Column(head="networks say"),
            Column(head="networks"),
            Column(head="confidence", unit="%", digits=1),
            Column(head="label's probability", unit="%", digits=1),
            Column(head="position in the split", is_main=False),
        ),
        rows=tuple(
            Row(
                (
                    rank,
                    names.of_image(one.position),
                    names.of_class(one.label),
                    names.said(one),
                    one.networks,
                    100 * one.confidence,
                    100 * one.label_probability,
                    one.position,
                )
            )
            for rank, one in enumerate(suspects.images[:MAX_ROWS], start=1)
        ),
    )
