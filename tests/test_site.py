"""The documentation site: it builds without a warning, links lead somewhere, no name is missing.

What the pages' programs do is tested by test_docs.py; here is what Sphinx makes of the pages.
"""

from __future__ import annotations

import importlib
import inspect
import re
import xml.etree.ElementTree as ET
import zlib
from functools import reduce
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from pythread_rs.ownership import _explain

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODULES = [
    "pythread_rs",
    *(f"pythread_rs.{name}" for name in ("thread", "result", "panic", "ownership", "process")),
    *(f"pythread_rs.{name}" for name in ("sync", "pool", "native")),
    *(f"pythread_rs.sync.{name}" for name in ("mpsc", "mpmc", "oneshot", "atomic")),
]
SECONDS = 170.0  # of which the site, which is built once, needs most


def inventory(folder: Path) -> set[str]:
    """Read the names that the site describes."""
    packed = (folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
    rows = zlib.decompress(packed).decode().splitlines()
    return {row.split(" py:")[0] for row in rows if " py:" in row}


def find(path: str) -> Any:
    """Return what has a dotted name, such as `thread.JoinHandle.join`, in the package."""
    module = next(m for m in reversed(MODULES) if f"{path}.".startswith(f"{m}."))
    rest = path.removeprefix(module).strip(".")
    return reduce(getattr, filter(None, rest.split(".")), importlib.import_module(module))


def public_names() -> Iterator[tuple[str, Any]]:
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value) and not name.startswith("__"):
                yield f"{module.__name__}.{name}", value


def is_of_python(cls: type, name: str) -> bool:
    """Tell whether an attribute is one that a class has from Python itself."""
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return not owner.__module__.startswith("pythread_rs")


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 10)
def test_every_public_name_is_described(site: Path) -> None:
    described = inventory(site)
    names = dict(public_names())
    # Some stand in two modules, and are described in one.
    objects = {id(value) for name, value in names.items() if name in described}
    missing = [n for n, v in names.items() if n not in described and id(v) not in objects]
    assert missing == []


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 10)
def test_every_method_is_described(site: Path) -> None:
    described = inventory(site)
    classes = {name: v for name, v in public_names() if inspect.isclass(v) and name in described}
    assert len(classes) > 60
    missing = [
        f"{name}.{member}"
        for name, cls in classes.items()
        for member in dir(cls)
        if not member.startswith("_")
        and not is_of_python(cls, member)
        and (callable(value := inspect.getattr_static(cls, member)) or hasattr(value, "__get__"))
        and not inspect.isclass(value)  # a variant of an enum
        and not inspect.ismemberdescriptor(value)  # a slot, which the class's text describes
        and f"{name}.{member}" not in described
    ]
    assert missing == []


class Page(HTMLParser):
    """What a page refers to, and the places in it that others may refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            elif value and (name, tag) in {("href", "a"), ("href", "link"), ("src", "img")}:
                self.links.append(value)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 10)
def test_every_link_leads_somewhere(site: Path) -> None:
    pages = {file: Page(file.read_text("utf-8")) for file in site.rglob("*.html")}
    broken: list[str] = []
    count = 0
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("#"):
                target = file
            else:
                target = (file.parent / unquote(parts.path)).resolve()
            count += not parts.scheme
            is_there = target.exists()
            if parts.fragment and is_there and not parts.scheme and target in pages:
                is_there = unquote(parts.fragment) in pages[target].places or link == "#"
            if not is_there:
                broken.append(f"{file.relative_to(site)}: {link}")
    assert broken == []
    assert count > 1000


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 10)
def test_every_page_is_there(site: Path) -> None:
    sources = {f.relative_to(DOCS).with_suffix("") for f in DOCS.rglob("*.md")}
    skipped = {f for f in sources if f.parts[0] in {"_build", "models"}}
    assert {f.relative_to(site).with_suffix("") for f in site.rglob("*.html")} >= sources - skipped


# -- What needs no Sphinx. -------------------------------------------------------------------------


def test_each_name_in_the_table_for_rust_is_there() -> None:
    text = (DOCS / "howto" / "from-rust.md").read_text("utf-8")
    rows = re.findall(r"^\|(.*)\|(.*)\|.*\|$", text.split("## Every item of std")[1], re.MULTILINE)
    names = [name for _, here in rows for name in re.findall(r"`([a-z_]+\.[\w.]+)`", here)]
    assert len(names) > 150
    for name in names:
        find(f"pythread_rs.{name}")
    for _, here in rows:
        assert re.fullmatch(r" (here|-+|`[\w.]+`(, `[\w.]+`)*) |-+", here), here


def test_each_error_code_has_its_page() -> None:
    pages = {file.stem for file in (DOCS / "errors").glob("E*.md")}
    assert pages == set(_explain.CODES)
    index = (DOCS / "errors" / "index.md").read_text("utf-8")
    assert all(index.count(f"[{code}]({code}.md)") == 1 for code in pages)


def test_there_are_twenty_recipes_with_a_program_each() -> None:
    folder = DOCS / "recipes"
    linked = re.findall(
        r"^: \[(.*)\]\((.*)#", (folder / "index.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(linked) == 20
    for title, page in linked:
        text = (folder / page).read_text("utf-8")
        section = re.search(
            rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
        )
        assert section is not None, title
        assert "```python\n" in section[1], title


def test_a_report_of_the_benchmark_is_linked_and_tells_no_paths() -> None:
    report = DOCS / "_static" / "bench-report.html"
    text = report.read_text("utf-8")
    assert report.stat().st_size < 1_000_000
    assert all(f"<th>{fact}</th>" in text for fact in ("date", "commit", "python", "processor"))
    assert set(re.findall(r"(?:https?:/)?/[\w.-]+/[\w./-]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    for page in ("benchmarks.md", "explanation/performance.md"):
        found = re.search(r'<a href="(.*bench-report.html)">', (DOCS / page).read_text("utf-8"))
        assert found is not None
        assert (DOCS / page).parent.joinpath(found[1]).resolve() == report


@pytest.mark.parametrize("picture", sorted((DOCS / "_static").glob("*.svg")), ids=lambda p: p.name)
def test_a_picture_is_whole(picture: Path) -> None:
    """Its texts and boxes are inside of its frame, and it says what it shows."""
    root = ET.fromstring(picture.read_text("utf-8"))
    name = "{http://www.w3.org/2000/svg}"
    left, top, right, bottom = map(float, root.attrib["viewBox"].split())
    assert root.findtext(f"{name}title")
    for element in [*root.iter(f"{name}text"), *root.iter(f"{name}rect")]:
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        width, height = float(element.get("width", 0)), float(element.get("height", 0))
        assert left <= x <= x + width <= right, ET.tostring(element)
        assert top <= y <= y + height <= bottom, ET.tostring(element)
