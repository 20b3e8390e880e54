"""A text file that lists the class of every image of a split, as in Tiny ImageNet's val folder."""

from pathlib import Path

from search_space.text_files import read_text
from trainer.data.sources.entries import entries, is_picture

NAME_END = "annotations.txt"
MAX_BYTES = 64 * 2**20


def annotated_images(folder: Path) -> tuple[dict[str, list[Path]], str] | None:
    """Return the images of a split by class, and the text of the file that lists them.

    The file is the only one whose name ends in ``annotations.txt``. Its lines begin with the name
    of an image and the name of its class, separated by tabs. The images are next to the file or
    in the only folder there.

    Returns:
        The images of each class, both sorted by name, and the text; None if there is no such
        file, or nothing in it.

    Raises:
        ValueError: If a line cannot be read, or an image is missing or listed twice.
        OSError: If a file cannot be read.
    """
    content = [*entries(folder)]
    lists = [path for path in content if path.name.lower().endswith(NAME_END) and path.is_file()]
    folders = [path for path in content if path.is_dir()]
    if len(lists) != 1 or len(folders) > 1:
        return None
    place = folders[0] if folders else folder
    text = read_text(lists[0], max_bytes=MAX_BYTES)
    by_class: dict[str, list[Path]] = {}
    seen: set[str] = set()
    for line, cells in enumerate((row.split("\t") for row in text.splitlines()), start=1):
        if not any(cells):
            continue
        if len(cells) < 2 or not cells[1].strip():
            raise ValueError(f"{lists[0]}: line {line} must have an image, a tab and a class")
        name, class_name = cells[0].strip(), cells[1].strip()
        if name in seen:
            raise ValueError(f"{lists[0]}: line {line} lists {name} again")
        if Path(name).name != name or not is_picture(name) or not (place / name).is_file():
            raise ValueError(f"{lists[0]}: line {line}: {place / name} is no image")
        seen.add(name)
        by_class.setdefault(class_name, []).append(place / name)
    if not seen:
        return None
    return {name: sorted(by_class[name]) for name in sorted(by_class)}, text
