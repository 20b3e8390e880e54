"""The documentation names files and modules that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = "nas|trainer|scaling|search_space"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "decisions.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_in_code_spans_exist(page: Path) -> None:
    spans = re.findall(rf"`((?:{PACKAGES}|docs|tests|experiments)/[\w./]*)`", page.read_text())
    assert [span for span in spans if not (ROOT / span).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_in_code_spans_exist(page: Path) -> None:
    for span in re.findall(rf"`((?:{PACKAGES})(?:\.\w+)+)", page.read_text()):
        path = ROOT
        for part in span.split("."):
            if (path / f"{part}.py").exists():
                break  # what follows is an attribute of the module
            path /= part
            assert path.is_dir(), f"{page.name}: `{span}` does not exist"


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_headings_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*\.md)?#([^)]*)\)", page.read_text())
    missing = [
        (link, anchor)
        for link, anchor in links
        if anchor not in _anchors(page.parent / link if link else page)
    ]
    assert missing == []


def test_readme_links_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)", (ROOT / "README.md").read_text()))
    assert {str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
