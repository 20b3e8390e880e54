"""Exporting a model to several formats: all of their files are written, or none."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search_space.atomic_file import write_atomic
from trainer.export.agreement import Agreement
from trainer.export.formats import FORMATS
from trainer.machine.temporary_folder import EXPORT, temporary_folder
from trainer.model_file import ModelFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A format that was written.

    Attributes:
        format: Its name.
        paths: Its files; the first is the one that is loaded.
        agreement: Comparison with PyTorch's network; None if there was none.
        load: Line of Python that loads it.
    """

    format: str
    paths: tuple[Path, ...]
    agreement: Agreement | None
    load: str


def export(
    model: ModelFile,
    formats: Mapping[str, Path | None],
    out: Path,
    on_step: Callable[[str], None],
) -> list[Exported]:
    """Write `model` in each format, after all formats were computed and compared.

    Args:
        model: The model; its averaged weights are exported.
        formats: Names of `FORMATS`, each with the path of its only file, or None for its usual
            files in `out`.
        out: Folder of the files; it is made if it is missing.
        on_step: Receives what is done, in words, before each step.

    Raises:
        ValueError: If a library is missing, a format cannot express the model, or outputs differ.
        OSError: If a file cannot be written.
    """
    for name in formats:
        FORMATS[name].require_libraries()
    with temporary_folder(EXPORT) as draft:
        agreements = {name: _drafted(model, name, draft, on_step) for name in formats}
        on_step("writing the files")
        written = []
        for name, path in formats.items():
            form = FORMATS[name]
            if path is None:
                out.mkdir(parents=True, exist_ok=True)
            paths = [path or out / file for file in form.files]
            for place, file in zip(paths, form.files, strict=True):
                write_atomic(place, (draft / file).read_bytes())
            written.append(
                Exported(
                    format=name,
                    paths=tuple(paths),
                    agreement=agreements[name],
                    load=form.load.format(path=repr(str(paths[0]))),
                )
            )
    return written


def _drafted(
    model: ModelFile, name: str, draft: Path, on_step: Callable[[str], None]
) -> Agreement | None:
    """Write a format into the folder `draft` and compare it, where that is possible."""
    form = FORMATS[name]
    on_step(f"exporting to {name}")
    form.write(model, draft)
    if form.agreement is None or importlib.util.find_spec(form.compares_with) is None:
        return None
    on_step(f"comparing the outputs of {form.files[0]} with PyTorch's")
    return form.agreement(model, draft)
