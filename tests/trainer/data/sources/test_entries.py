"""Names of files that are read as pictures."""

import pytest

from trainer.data.sources.entries import is_picture


@pytest.mark.parametrize(
    "name",
    ["1.jpg", "1.JPEG", "1.jpe", "1.jfif", "1.jp2", "1.J2K", "1.j2c", "1.jpf", "1.jpx", "1.pgm"],
)
def test_formats_that_the_decoder_reads_are_pictures(name: str) -> None:
    assert is_picture(name)


@pytest.mark.parametrize("name", ["1.jp", "1.jpgx", "1.j2", "jp2", "1.jp2.txt", "1.txt"])
def test_other_names_are_not(name: str) -> None:
    assert not is_picture(name)
