"""The page of a trace: what is in it, and that a browser shows it."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser import Chromium
    from tests.trace.conftest import Trace, Traced


class Elements(HTMLParser):
    """Count elements by tag and class, and check that they are nested as they should."""

    VOID = frozenset({"meta", "input", "line", "path", "stop"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.classes: Counter[str] = Counter()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.classes[f"{tag}.{attributes.get('class')}"] += 1
        self.links += [v or "" for k, v in attrs if k in {"src", "href", "xlink:href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.classes[f"{tag}.{dict(attrs).get('class')}"] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def titles(page: str) -> list[str]:
    return re.findall(r"<title>(.*?)</title>", page, re.DOTALL)


def test_the_page_draws_every_lane_and_every_arrow(pipeline: Traced) -> None:
    found = elements(pipeline.page)
    assert found.classes["rect.run"] == 3
    assert found.classes["g.arrow message"] == len(pipeline.arrows("message")) == 15
    assert found.classes["g.arrow spawn"] == 2
    assert found.classes["circle.dot send"] == found.classes["circle.dot recv"] == 15
    assert "<div style" in pipeline.page
    assert ">split #2</div>" in pipeline.page


def test_the_page_needs_nothing_else(pipeline: Traced) -> None:
    assert elements(pipeline.page).links == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", pipeline.page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which nobody fetches


def test_hover_texts_have_the_line_of_the_program(pipeline: Traced) -> None:
    found = titles(pipeline.page)
    message = next(text for text in found if text.startswith("message &#x27;hen&#x27;"))
    assert "split #2 to count #3" in message
    assert "pipeline.py:19 in main.&lt;locals&gt;.split\n    words_tx.send(word)" in message
    assert "pipeline.py:23 in main.&lt;locals&gt;.count\n    for word in words_rx:" in message


def test_texts_of_the_program_are_escaped(trace: Trace) -> None:
    traced = trace("""
        from pythread_rs import Builder
        from pythread_rs.sync import mpsc
        def fail(tx):
            tx.send("</title><script>")
            raise ValueError("<b>bold</b>")
        tx, rx = mpsc.channel()
        handle = Builder(name="<i>&").spawn(fail, tx)
        rx.recv()
        handle.join()
    """)
    assert elements(traced.page).classes["text.panic"] == 1
    assert "<b>bold" not in traced.page
    assert "<i>&" not in traced.page
    assert "&lt;i&gt;&amp; panicked: ValueError: &lt;b&gt;bold" in traced.page


# ---- in a browser -------------------------------------------------------------------------------


SHOWN = """
    from pythread_rs import Builder
    from pythread_rs.sync import mpsc
    from pythread_rs.thread import sleep

    def work(tx):
        sleep(0.05)
        tx.send(1)
        raise ValueError

    tx, rx = mpsc.channel()
    handle = Builder(name="worker").spawn(work, tx)
    rx.recv()
    handle.join()
"""


def colours(page: str) -> dict[str, tuple[int, int, int]]:
    """Read the colours of the light page, by name."""
    light = page[: page.index("@media")]
    found = re.findall(r"--(\w+): #([0-9a-f]{3}|[0-9a-f]{6});", light)
    full = {name: value * 2 if len(value) == 3 else value for name, value in found}
    return {name: (int(v[:2], 16), int(v[2:4], 16), int(v[4:], 16)) for name, v in full.items()}


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_browser_shows_the_picture(chromium: Chromium, trace: Trace, tmp_path: Path) -> None:
    traced = trace(SHOWN)
    shown = chromium.show((tmp_path / "pythread_rs-trace.html").as_uri(), 700, 400)
    assert shown.errors == []
    seen = shown.picture().colours()
    known = colours(traced.page)
    for name, least in {
        "page": 50_000,
        "run": 500,  # bars, more than in the legend
        "recv": 1000,
        "sleep": 1000,
        "message": 10,  # arrows, of which a pixel in some is not mixed with the ground
        "spawn": 10,
        "panic": 3,
        "text": 100,
    }.items():
        assert seen[known[name]] >= least, f"{name}: {seen[known[name]]} pixels"
