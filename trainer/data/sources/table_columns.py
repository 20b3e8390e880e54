"""Which columns of a table of images have their files, labels and splits."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from trainer.data.sources.csv_table import Table
from trainer.data.sources.entries import is_picture
from trainer.data.sources.groups import GROUP_COLUMN
from trainer.data.sources.label_cells import SEPARATOR
from trainer.data.sources.split_names import split_of

# Names without regard to case, spaces and other signs: "Image Index" is imageindex.
FILE_NAMES = (
    *("file", "filename", "filepath", "filepaths", "filenames", "image", "images", "imageid"),
    *("imagename", "imagepath", "imagefile", "imagefilename", "imageindex", "img", "imgid"),
    *("imgname", "imgpath", "fname", "path", "id", "idcode", "name", "photo", "picture"),
)
LABEL_NAMES = (
    *("labels", "label", "class", "classes", "classname", "classid", "target", "targets"),
    *("category", "categories", "categoryid", "labelname", "labelid", "findinglabels"),
    *("breed", "species", "diagnosis", "dx"),
)
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "usage")
# Columns that say whether each image is for validation (fastai), or for the test.
VALID_NAMES, TEST_NAMES = ("isvalid", "isval", "isvalidation"), ("istest",)
YES, NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns that are read.

    Attributes:
        file: The column of the files' names.
        label: The column of the labels; empty if each class has a column.
        split: The column of the splits, or None.
        classes: The columns of the classes, with 1 where an image shows one, or none.
    """

    file: str
    label: str
    split: str | None
    classes: tuple[str, ...] = ()

    def class_names(self, cells: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels of a row."""
        if self.classes:
            return tuple(name for name in self.classes if cells[name].strip().lower() in YES)
        labels = map(str.strip, cells[self.label].split(SEPARATOR))
        return tuple(label for label in labels if label)

    def split_name(self, cells: Mapping[str, str]) -> str | None:
        """Return the name of a row's split, in lower case; None if there is no such column."""
        if self.split is None:
            return None
        word = cells[self.split].strip().lower()
        plain = _plain(self.split)
        if plain in VALID_NAMES + TEST_NAMES:
            other = "validation" if plain in VALID_NAMES else "test"
            return other if word in YES else "train"
        return word


def choose_columns(table: Table, group_column: str | None = None) -> Columns:
    """Return the columns of files, labels and splits, by their usual names.

    ``file``, ``labels`` and ``split`` take precedence. If one of two columns is known, the other
    is the other. A column with a usual name of the splits is one only if all of its values are.
    Without a column of labels, the other columns are classes if they hold only 0 and 1.

    `group_column` is that of the groups, which is no class either.

    Raises:
        ValueError: If there is none or several for the files or labels; lists the columns.
    """
    columns = table.columns
    files, labels = _known(columns, FILE_NAMES, "file"), _known(columns, LABEL_NAMES, "labels")
    if len(columns) == 2:
        rest = [name for name in columns if name not in files + labels]
        files, labels = files or (rest if labels else []), labels or (rest if files else [])
    listed = ", ".join(columns) or "none"
    if (
        len(files) == 1
        and not labels
        and (classes := _class_columns(table, {files[0], group_column or GROUP_COLUMN}))
    ):
        return Columns(file=files[0], label="", split=_split_column(table), classes=classes)
    lacking = [name for name, found in (("file", files), ("labels", labels)) if not found]
    if lacking:
        hint = " (if the folders are the classes, rename the file)"
        if any(is_picture(name) for name in columns):
            hint = " (the first line must have their names)"
        elif len(columns) == 1:
            hint = " (columns are separated by commas, semicolons, tabs or vertical bars)"
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


def file_column(table: Table) -> str:
    """Return the column of the files in a table that may have no labels.

    It has a usual name, or is the only column.

    Raises:
        ValueError: If there is none, or several with a usual name; lists the columns.
    """
    found = _known(table.columns, FILE_NAMES, "file")
    if not found and len(table.columns) == 1 and not is_picture(table.columns[0]):
        found = [*table.columns]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(table.columns) or "none"
    hint = ""
    if any(is_picture(name) for name in table.columns):
        hint = " (the first line must have their names)"
    lack = f"columns {' and '.join(found)} may have the files" if found else "needs a column file"
    raise ValueError(f"{table.path}: {lack}; its columns are: {listed}{hint}")


def _known(columns: Sequence[str], names: Sequence[str], first: str) -> list[str]:
    """Return the columns with one of the names; only `first` if there is such a column."""
    if first in columns:
        return [first]
    found = [column for column in columns if _plain(column) in names]
    # Numbers and names of the same image or class: tables for people have both.
    if len(found) > 1 and (without_ids := [one for one in found if _plain(one) != "id"]):
        return without_ids
    return found


def _class_columns(table: Table, others: Collection[str]) -> tuple[str, ...]:
    """Return the columns of the classes if all but the others and the split hold 0 and 1."""
    split = _split_column(table)
    names = tuple(name for name in table.columns if name not in others and name != split)
    words = {cells[name].strip().lower() for _, cells in table.rows for name in names}
    is_binary = bool(words) and words <= {*YES, *NO} and not words.isdisjoint(YES)
    return names if len(names) > 1 and is_binary else ()


def _split_column(table: Table) -> str | None:
    if "split" in table.columns:
        return "split"
    for column in table.columns:
        values = {cells[column].strip().lower() for _, cells in table.rows}
        plain = _plain(column)
        if plain in SPLIT_COLUMNS and values and all(map(split_of, values)):
            return column
        if plain in VALID_NAMES + TEST_NAMES and values <= {*YES, *NO}:
            return column
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
