"""Every page of the documentation site, as a browser shows it: titles, texts, pictures, edges.

The pictures stay in pytest's temporary folder, below `screenshots`, for whoever wants to look.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser import Chromium, Shown

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOLDERS = [folder for folder in DOCS.iterdir() if (folder / "index.md").exists()]
REPORT = "_static/bench-report.html"
OURS, BLACK = (0, 0x72, 0xB2), (0, 0, 0)  # colours of the plots: our bars and lines; texts
NARROW = (390, 844)  # a phone
SECONDS = 300.0  # the site has to be built first, and there is much to draw

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(SECONDS)]


class Look(NamedTuple):
    """A page in a wide window, and what is measured in a narrow one."""

    wide: Shown
    narrow: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        return self.wide.facts


@pytest.fixture(scope="module")
def looks(
    site: Path, chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Look]:
    """Look at every page, once for all tests."""
    folder = tmp_path_factory.mktemp("screenshots", numbered=False)
    found: dict[str, Look] = {}
    for file in sorted(site.rglob("*.html")):
        name = file.relative_to(site).as_posix()
        found[name] = Look(chromium.show(file.as_uri()), chromium.measure(*NARROW))
        for number, png in enumerate(found[name].wide.pngs):
            picture = f"{name.removesuffix('.html').replace('/', '-')}-{number}.png"
            (folder / picture).write_bytes(png)
    return found


def test_the_search_finds_a_name(
    site: Path, chromium: Chromium, wait_until: Callable[..., bool]
) -> None:
    # Its extracts of pages are missing here: a page of a file system must not read others.
    chromium.show(f"{(site / 'search.html').as_uri()}?q=park_timeout")
    assert wait_until(lambda: "pythread_rs.thread.park_timeout" in chromium.measure()["text"])


def title(page: Path) -> str:
    """Read the title of a page's source, or of what that includes, as it is shown."""
    text = page.read_text("utf-8")
    if included := re.match(r"```{include} (.*)", text):
        text = (page.parent / included[1]).read_text("utf-8")
    found = re.search(r"^# (.*)", text, re.MULTILINE)
    assert found is not None, page
    return found[1].replace("`", "").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def test_each_page_shows_its_title_and_text(looks: dict[str, Look]) -> None:
    pages = [p for folder in (DOCS, *FOLDERS) for p in folder.glob("*.md")]
    assert len(pages) > 60
    for page in pages:
        facts = looks[page.relative_to(DOCS).with_suffix(".html").as_posix()].facts
        assert facts["headings"] == [title(page)]
        assert len(facts["text"].split()) > 30, page


def test_every_text_is_drawn(looks: dict[str, Look]) -> None:
    """Nothing is hidden, and where a text should be, the picture has more than one colour."""
    count = 0
    for name, look in looks.items():
        picture = look.wide.picture()
        assert look.facts["hidden"] == [], name
        texts = look.facts["texts"]
        assert [text["name"] for text in texts if picture.is_plain(text["box"])] == [], name
        count += len(texts)
    assert count > 30_000


def test_everything_was_loaded(looks: dict[str, Look]) -> None:
    assert {name: look.wide.errors for name, look in looks.items() if look.wide.errors} == {}
    pictures = [p for look in looks.values() for p in look.facts["pictures"]]
    assert len(pictures) > 4
    assert [p["name"] for p in pictures if not p["isLoaded"]] == []


def test_the_report_of_the_benchmark_has_its_plots_and_tables(looks: dict[str, Look]) -> None:
    look = looks[REPORT]
    headings = "Where a rival wins", "Plots", "All figures", "Not measured", "How it is measured"
    assert all(heading in look.facts["text"].split("\n") for heading in headings)
    assert len(look.facts["tables"]) > 10
    assert len(look.facts["pictures"]) == 3
    picture = look.wide.picture()
    for plot in look.facts["pictures"]:
        seen = picture.colours(plot["box"])
        assert min(plot["box"][2:]) > 300
        assert seen[OURS] > 100
        assert seen[BLACK] > 100


def rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:], 16))


@pytest.mark.parametrize("name", [file.name for file in sorted((DOCS / "_static").glob("*.svg"))])
def test_a_diagram_is_drawn(looks: dict[str, Look], name: str) -> None:
    """It is large enough to be read, and its areas and texts have the colours that they should."""
    shown = [
        (look, picture["box"])
        for look in looks.values()
        for picture in look.facts["pictures"]
        if picture["name"].endswith(f"/{name}")
    ]
    assert shown
    root = ET.fromstring((DOCS / "_static" / name).read_text("utf-8"))
    fills = {e.get("fill", "#000000") for e in root.iter() if e.tag.endswith("}rect")}
    assert len(fills) > 2
    for look, box in shown:
        assert box[2] > 600
        assert box[3] > 300
        seen = look.wide.picture().colours(box)
        assert all(seen[rgb(fill)] > 1000 for fill in fills), seen.most_common(5)
        assert sum(n for colour, n in seen.items() if max(colour) < 100) > 1000  # texts


def cut(facts: dict[str, Any]) -> list[str]:
    found = [thing["name"] for thing in facts["texts"] + facts["pictures"] if thing["isCut"]]
    return found + [f"{facts['overhang']} pixels too wide"] * (facts["overhang"] > 0)


def test_nothing_is_cut_off(looks: dict[str, Look]) -> None:
    """What is wider than its place can be scrolled; a page and its tables need not be."""
    for name, look in looks.items():
        assert cut(look.facts) == [], name
        assert cut(look.narrow) == [], f"{name}, {NARROW[0]} pixels wide"
        wide = [table["name"] for table in look.facts["tables"] if table["isWide"]]
        assert wide == [], name
