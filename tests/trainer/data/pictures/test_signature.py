"""Only the formats that are named reach Pillow, and the reason says what else a file is."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.toys.images import encoded, image_cells, parquet, picture
from trainer.data.cache.decode import UndecodableError, decode
from trainer.data.pictures import read
from trainer.data.pictures.signature import picture_format
from trainer.data.prepare import prepare

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"
# One file of each kind that Pillow has a reader for, or that people have among their pictures.
NO_PICTURES = {
    "PostScript": POSTSCRIPT,
    "PostScript with preview": b"\xc5\xd0\xd3\xc6"
    + (32).to_bytes(4, "little")
    + bytes(24)
    + POSTSCRIPT,
    "PDF": b"%PDF-1.7\n1 0 obj\n",
    "Photoshop": b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x08\0\0\0\x08\0\x08\0\3" + bytes(100),
    "FITS": b"SIMPLE  =                    T".ljust(80)
    + b"BITPIX  =                    8".ljust(80),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "GRIB": b"GRIB\0\0\0\1" + bytes(100),
    "BUFR": b"BUFR" + bytes(100),
    "metafile": b"\xd7\xcd\xc6\x9a\0\0" + bytes(100),
    "FlashPix": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "MPEG": b"\0\0\1\xb3\x10\0\x10" + bytes(100),
    "icon file": b"icns\0\0\0\x10it32" + bytes(4),
    "DDS": b"DDS " + bytes(124),
    "HTML": b"\n <!DOCTYPE html><html><body>404 Not Found</body></html>",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "JSON": b'{"error": "quota exceeded"}',
    "text": "Größe: 3 px".encode(),
    "LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "AppleDouble": b"\0\5\x16\7\0\2\0\0Mac OS X        ",
    "ZIP": b"PK\3\4" + bytes(30),
    "MP4": b"\0\0\0\x18ftypisom" + bytes(100),
    "RIFF": b"RIFF\x24\0\0\0WAVEfmt ",
    "DICOM": bytes(128) + b"DICM" + bytes(100),
    "zeros": bytes(1000),
    "empty": b"",
    "none of the picture formats": b"\x9f\x12\xee\0random",
}


@pytest.fixture
def _no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **_: Any) -> None:
        raise AssertionError(f"a program was started: {arguments}")

    monkeypatch.setattr(subprocess, "Popen", fail)
    monkeypatch.setattr("os.system", fail)
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", fail)
    monkeypatch.setattr("PIL.EpsImagePlugin.has_ghostscript", lambda: True)


@pytest.mark.usefixtures("_no_programs")
@pytest.mark.parametrize(("what", "content"), NO_PICTURES.items(), ids=NO_PICTURES)
def test_what_is_no_picture_never_reaches_pillow(
    what: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow was asked"))
    word = what.removesuffix(" with preview")
    with pytest.raises(UndecodableError, match=f"(?i){word}"):
        decode(content, 16)


@pytest.mark.usefixtures("_no_programs")
@pytest.mark.parametrize("kind", ["folder", "parquet"])
def test_postscript_in_a_data_set_is_not_executed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "caches"))
    cells = image_cells(4)
    cells[2]["bytes"] = POSTSCRIPT
    if kind == "folder":
        data = tmp_path / "set"
        for i, cell in enumerate(cells):
            (data / "ab"[i // 2]).mkdir(parents=True, exist_ok=True)
            (data / "ab"[i // 2] / f"{i}.png").write_bytes(cell["bytes"])
    else:
        data = parquet(tmp_path / "x.parquet", {"image": cells, "label": [0, 0, 1, 1]})
    with pytest.raises(ValueError, match="it is a PostScript file, not a picture"):
        prepare(str(data), 16)


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"BM is a company", "BMP"),
        (b"P6 3", "PPM"),
        (b"GIF89a", "GIF"),
    ],
)
def test_a_file_that_only_begins_like_a_picture_is_damaged(prefix: bytes, name: str) -> None:
    with pytest.raises(UndecodableError, match=f"damaged {name} file"):
        decode(prefix, 16)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *(("AVIF", {}), ("BMP", {}), ("GIF", {}), ("JPEG", {}), ("JPEG2000", {}), ("PNG", {})),
        *(("PPM", {}), ("TIFF", {}), ("TIFF", {"big_tiff": True}), ("WEBP", {})),
        *(("JPEG2000", {"no_jp2": True}), ("WEBP", {"lossless": True})),
    ],
)
def test_every_format_is_known_by_its_content(kind: str, options: dict[str, Any]) -> None:
    colour = (200, 100, 50)
    content = encoded(Image.new("RGB", (16, 16), colour), kind, **options)
    assert picture_format(content) == kind
    assert np.abs(decode(content, 16).pixels.astype(int) - colour).max() <= 6  # lossy formats


def test_every_use_of_pillow_names_the_formats() -> None:
    root = Path(__file__).parents[4]
    packages = ("nas", "trainer", "scaling", "search_space")
    calls = [
        node
        for package in packages
        for file in (root / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open"
    ]
    assert calls
    assert all("formats" in [given.arg for given in call.keywords] for call in calls)


def test_without_pillow_heif_the_reason_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    read.heif_is_read.cache_clear()
    with pytest.raises(UndecodableError, match=r"HEIC.*need pillow-heif.*or convert them to JPEG"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), 16)
    read.heif_is_read.cache_clear()


def test_a_heic_photo_is_read_and_upright_if_pillow_heif_is_installed() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    image = picture(size=(4, 2)).resize((64, 32))
    block = Image.Exif()
    block[0x112] = 6
    content = encoded(image, "HEIF", quality=95, exif=block.tobytes())
    expected = np.asarray(image)[::-1].transpose(1, 0, 2)[16:48]
    assert np.abs(decode(content, 32).pixels.astype(int) - expected).mean() < 4
