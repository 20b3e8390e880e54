"""Which columns of a table of images have their files, labels and splits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.data.sources.csv_table import Table
from trainer.data.sources.entries import is_picture
from trainer.data.sources.split_names import split_of

# Names without regard to case, spaces and other signs: "Image Index" is imageindex.
FILE_NAMES = (
    *("file", "filename", "filepath", "filepaths", "filenames", "image", "images", "imageid"),
    *("imagename", "imagepath", "imagefile", "imagefilename", "imageindex", "img", "imgid"),
    *("imgname", "imgpath", "path", "id", "idcode", "name", "photo", "picture"),
)
LABEL_NAMES = (
    *("labels", "label", "class", "classes", "classname", "classid", "target", "targets"),
    *("category", "categories", "categoryid", "labelname", "labelid", "findinglabels"),
    *("breed", "species", "diagnosis", "dx"),
)
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "usage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns that are read.

    Attributes:
        file: The column of the files' names.
        label: The column of the labels.
        split: The column of the splits, or None.
    """

    file: str
    label: str
    split: str | None


def choose_columns(table: Table) -> Columns:
    """Return the columns of files, labels and splits, by their usual names.

    ``file``, ``labels`` and ``split`` take precedence. If one of two columns is known, the other
    is the other. A column with a usual name of the splits is one only if all of its values are.

    Raises:
        ValueError: If there is none or several for the files or labels; lists the columns.
    """
    columns = table.columns
    files, labels = _known(columns, FILE_NAMES, "file"), _known(columns, LABEL_NAMES, "labels")
    if len(columns) == 2:
        rest = [name for name in columns if name not in files + labels]
        files, labels = files or (rest if labels else []), labels or (rest if files else [])
    listed = ", ".join(columns) or "none"
    lacking = [name for name, found in (("file", files), ("labels", labels)) if not found]
    if lacking:
        hint = " (if the folders are the classes, rename the file)"
        if any(is_picture(name) for name in columns):
            hint = " (the first line must have their names)"
        raise ValueError(
            f"{table.path}: needs the columns file and labels, lacks {' and '.join(lacking)}; "
            f"its columns are: {listed}{hint}"
        )
    for kind, found in (("files", files), ("labels", labels)):
        if len(found) > 1:
            raise ValueError(
                f"{table.path}: columns {' and '.join(found)} may have the {kind}; call one of "
                f"them {'file' if kind == 'files' else 'labels'}; its columns are: {listed}"
            )
    return Columns(file=files[0], label=labels[0], split=_split_column(table))


def _known(columns: Sequence[str], names: Sequence[str], first: str) -> list[str]:
    """Return the columns with one of the names; only `first` if there is such a column."""
    if first in columns:
        return [first]
    found = [column for column in columns if _plain(column) in names]
    # Numbers and names of the same image or class: tables for people have both.
    if len(found) > 1 and (without_ids := [one for one in found if _plain(one) != "id"]):
        return without_ids
    return found


def _split_column(table: Table) -> str | None:
    if "split" in table.columns:
        return "split"
    for column in table.columns:
        values = {cells[column] for _, cells in table.rows}
        if _plain(column) in SPLIT_COLUMNS and values and all(map(split_of, values)):
            return column
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
