"""How Sphinx makes the site of docs/: `make docs`."""

import re
import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs"
NAVIGATION = yaml.safe_load((PAGES / "navigation.yaml").read_text(encoding="utf-8"))

project = "velero-eks"
html_title = project
extensions = ["myst_parser"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "footer_end": [],
    "show_toc_level": 2,
}
# A page with none below it has nothing to show beside it.
html_sidebars = {page: [] for page in ("index", "tutorial", "explanation")}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
# Anchors as GitHub makes them, for headings of every level that pages link to.
myst_heading_anchors = 4
# Options are typed with two hyphens and values with straight quotes, in tables too.
smartquotes = False
# A block may be cut with `…`, which no lexer knows.
suppress_warnings = ["misc.highlighting_failure"]


def _short(page):
    """A page's title for the navigation: what stands in front of a colon is enough."""
    title = (PAGES / page).read_text(encoding="utf-8").partition("\n")[0]
    return title.lstrip("# ").partition(":")[0]


def _read(app, docname, source):
    """Put the navigation into each section's page, where GitHub would show it as code; link other Markdown."""
    source[0] = re.sub(r"\]\(((?:\.\./)+[A-Z]+\.md)\)", r"](path:\1)", source[0])
    pages = NAVIGATION if docname == "index" else NAVIGATION.get(f"{docname}.md")
    if pages:
        entries = [f"{_short(page)} </{page}>" for page in pages]
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```\n"


def _pictures(app, failed):
    """Pictures that stand in HTML, one for light and one for dark pages, are none of Sphinx' files."""
    if not failed:
        shutil.copytree(PAGES / "pictures", Path(app.outdir) / "pictures", dirs_exist_ok=True)


def setup(app):
    """Connect both."""
    app.connect("source-read", _read)
    app.connect("build-finished", _pictures)
