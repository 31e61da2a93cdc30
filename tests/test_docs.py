"""Every link and anchor of the Markdown in the repository resolves, and every page has its place on the site."""

from __future__ import annotations

import functools
import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conftest import ROOT

DOCS = ROOT / "docs"
_HTML_LINK = re.compile(r"""\b(?:href|src|srcset)=["']([^"']+)["']""")


def _tracked() -> list[Path]:
    """The Markdown files that git knows or would take; those that tests compare with are data."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md")
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout
    return [ROOT / name for name in sorted(names.split("\0")) if name and not name.startswith("tests/")]


PAGES = [path for path in _tracked() if path.is_file()]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


@functools.cache
def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _links(page: Path) -> Iterator[tuple[int, str]]:
    """The links and pictures of a page, each with its line."""
    for block in _tokens(page):
        line = block.map[0] + 1 if block.map else 0
        for token in (block, *(block.children or ())):
            for name in ("href", "src"):
                if name in token.attrs:
                    yield line, str(token.attrs[name])
            if token.type in ("html_block", "html_inline"):
                yield from ((line, target) for target in _HTML_LINK.findall(token.content))


@functools.cache
def _anchors(page: Path) -> list[str]:
    """The anchors of a page's headings as GitHub makes them."""
    tokens = _tokens(page)
    texts = [
        "".join(child.content for child in content.children or ())
        for opening, content in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    ]
    return [re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in texts]


@functools.cache
def _external() -> list[tuple[Path, int, SplitResult]]:
    """Every link to another server, with its place."""
    found = ((page, line, urlsplit(target)) for page in PAGES for line, target in _links(page))
    return [(page, line, url) for page, line, url in found if url.scheme]


@each_page
def test_a_link_names_a_file_of_the_repository_and_an_anchor_a_heading_of_its_page(page: Path) -> None:
    for line, target in _links(page):
        url = urlsplit(target)
        if url.scheme:
            continue
        place = f"{page.relative_to(ROOT)}:{line}: {target}"
        assert not target.startswith("/"), f"{place}: not relative, so that it works on GitHub or on the site alone"
        named = (page.parent / url.path).resolve() if url.path else page
        assert named.is_relative_to(ROOT) and named.exists(), f"{place}: does not exist"
        if page.is_relative_to(DOCS):
            assert named.is_file(), f"{place}: a folder, which the site cannot show; link one of its files"
        if url.fragment:
            assert named.suffix == ".md", f"{place}: only Markdown has anchors"
            assert _anchors(named).count(url.fragment) == 1, f"{place}: anchors are {', '.join(_anchors(named))}"


def test_links_to_other_servers_are_whole() -> None:
    assert _external()
    for page, line, url in _external():
        place = f"{page.relative_to(ROOT)}:{line}: {url.geturl()}"
        assert url.scheme == "https", f"{place}: not https"
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", url.hostname or ""), f"{place}: no name of a server"
        assert re.fullmatch(r"[!-~]+", url.geturl()), f"{place}: not a URL"


def test_every_page_is_in_the_navigation_once() -> None:
    sections = yaml.safe_load((DOCS / "navigation.yaml").read_text(encoding="utf-8"))
    named = ["index.md", *sections, *(page for pages in sections.values() for page in pages or ())]
    there = sorted(page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS))
    assert sorted(named) == there, "docs/navigation.yaml"


def test_every_page_has_one_title_and_no_level_is_left_out() -> None:
    for page in PAGES:
        levels = [int(token.tag[1]) for token in _tokens(page) if token.type == "heading_open"]
        assert levels[:1] == [1] and levels.count(1) == 1, page
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), page
