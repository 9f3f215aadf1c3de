"""Every example in the documentation runs: `>>>` in docstrings, python blocks in Markdown."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import pythread_rs

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_SECONDS = 15.0
PROJECT = Path(__file__).resolve().parents[1]
LOGS = PROJECT / "docs" / "tutorial" / "logs"
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
PYTHON = re.compile(r"^```python\n(?P<code>.*?)^```$\n*", re.MULTILINE | re.DOTALL)
FENCED_OUTPUT = re.compile(r"```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED_ERRORS = re.compile(r"\n*```output\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED_OUTPUT = re.compile(r"(?: {4}.*\n|\n(?= {4}))+")


class Block(NamedTuple):
    """A python block of a page, and what the page says that it prints to stdout and stderr."""

    page: Path
    line: int
    code: str
    output: str | None
    errors: str | None = None

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def blocks(page: Path, text: str) -> Iterator[Block]:
    """Yield the blocks marked `python`.

    Their output is the block marked `text`, or the indented one, that comes right behind; a block
    marked `output` behind that is how their stderr ends.
    """
    for block in PYTHON.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        output, end = output_at(text, block.end())
        errors = FENCED_ERRORS.match(text, end)
        yield Block(page, line, block["code"], output, errors and errors[1])


def output_at(text: str, start: int) -> tuple[str | None, int]:
    if fenced := FENCED_OUTPUT.match(text, start):
        return fenced[1], fenced.end()
    if indented := INDENTED_OUTPUT.match(text, start):
        return textwrap.dedent(indented[0]), indented.end()
    return None, start


def missing_module(code: str) -> str | None:
    """Name a module that a block imports, or says that it needs, and that is not installed here."""
    for name in re.findall(r"# needs (\w+)$", code, re.MULTILINE):
        if importlib.util.find_spec(name) is None:
            return str(name)
    for node in ast.walk(ast.parse(code)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if importlib.util.find_spec(name.partition(".")[0]) is None:
                return name
    return None


def run_block(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as main.py, in a folder that has the log files of the tutorial."""
    shutil.copytree(LOGS, folder / "logs")
    (folder / "main.py").write_text(block.code, "utf-8")
    environment = {k: v for k, v in os.environ.items() if k != "FORCE_COLOR"}
    return subprocess.run(
        [sys.executable, "-W", "error", "main.py"],
        cwd=folder,
        env={**environment, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def without_chance(text: str) -> str:
    """Replace what differs from run to run: the OS's number of a thread, and the folder."""
    return re.sub(r"\(\d+\) panicked at (?:\S*/)?", "(1234) panicked at ", text)


def shown_errors(text: str) -> str:
    """Leave out the traceback, which a page does not show."""
    if "panicked at" in text:
        return without_chance(text).lstrip("\n")
    return text[text.find("error[") :] if "error[" in text else text.splitlines(keepends=True)[-1]


def page_blocks() -> list[Block]:
    return [b for page in PAGES if page.exists() for b in blocks(page, page.read_text("utf-8"))]


def modules() -> list[Any]:
    found = pkgutil.walk_packages(pythread_rs.__path__, "pythread_rs.")
    names = [module.name for module in found if not module.name.endswith(("__main__", "_native"))]
    return [pythread_rs, *map(importlib.import_module, names)]


def docstring_examples() -> list[doctest.DocTest]:
    """Find the examples of all modules, and of all classes and functions where they live."""
    finder = doctest.DocTestFinder()
    found: list[doctest.DocTest] = []
    for module in modules():
        text = module.__doc__ or ""
        found.append(doctest.DocTestParser().get_doctest(text, {}, module.__name__, None, None))
        for value in vars(module).values():
            is_code = inspect.isclass(value) or inspect.isfunction(value)
            if is_code and value.__module__ == module.__name__:
                name = f"{module.__name__}.{value.__qualname__}"
                # Without `module=False` the finder drops methods whose class says that it
                # lives in the public package, as `Ok` does.
                found += finder.find(value, name, module=False, globs=names_for(module))
    return [example for example in found if example.examples]


def names_for(module: Any) -> dict[str, object]:
    """Give an example the names of its module, and those of the public package around it."""
    public = module.__name__.partition("._")[0]
    names = {**vars(importlib.import_module(public)), **vars(module)}
    # The check looks for the caller outside of the package, which an example is.
    return {**names, "__name__": "__main__"}


EXAMPLES = docstring_examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_docstring_examples(example: doctest.DocTest) -> None:
    report: list[str] = []
    outcome = doctest.DocTestRunner().run(example, out=report.append)
    assert outcome.failed == 0, "".join(report)


def test_the_examples_of_every_kind_of_place_are_found() -> None:
    names = {example.name for example in EXAMPLES}
    assert {
        "pythread_rs.thread._spawn.spawn",
        "pythread_rs.thread._handle.JoinHandle.join",
        "pythread_rs.result.Ok.unwrap",
        "pythread_rs.process.exit",
        "pythread_rs._objects.SenderBase.send",
    } <= names


def test_a_wrong_example_is_found() -> None:
    def wrong() -> None:
        """
        >>> 1 + 1
        3
        """

    (example,) = doctest.DocTestFinder().find(wrong, "wrong", globs={})
    assert doctest.DocTestRunner(verbose=False).run(example, out=lambda _: None).failed == 1


@pytest.mark.parametrize("block", page_blocks(), ids=str)
def test_page_examples(block: Block, tmp_path: Path) -> None:
    if missing := missing_module(block.code):
        pytest.skip(f"{missing} is not installed")
    child = run_block(block, tmp_path)
    if block.errors is None:
        assert child.returncode == 0, child.stderr
    else:
        assert without_chance(child.stderr).endswith(block.errors)
    if block.output is not None:
        assert child.stdout == block.output.rstrip("\n") + "\n"


def test_blocks_are_found_with_their_output() -> None:
    text = """
a

```python
print(1)
```

```text
1
```

```python
print("2\\n\\n3")
```

    2

    3

```python
x
```
b
```text
3
```

```python
y
```

```output
NameError
```
"""
    assert [tuple(b)[1:] for b in blocks(PROJECT / "page.md", text)] == [
        (5, "print(1)\n", "1\n", None),
        (13, 'print("2\\n\\n3")\n', "2\n\n3\n", None),
        (21, "x\n", None, None),
        (29, "y\n", None, "NameError\n"),
    ]


def test_a_block_that_needs_what_is_not_there_is_known() -> None:
    assert missing_module("import os.path\nfrom re import sub\n") is None
    assert missing_module("import os\nfrom no_such_module.part import x\n") == "no_such_module.part"
    assert missing_module("f(progress=True)  # needs no_such_module\n") == "no_such_module"


def test_the_readme_shows_what_a_use_after_the_move_gets(tmp_path: Path) -> None:
    first = next(b for b in page_blocks() if b.page.name == "README.md")
    head, call = first.code.rsplit("\n\nmain()", 1)
    (tmp_path / "demo.py").write_text(f"{head}    print(data)\n\n\nmain(){call}", "utf-8")
    child = subprocess.run(
        [sys.executable, "demo.py"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    text = first.page.read_text("utf-8")
    shown = re.search(
        r"^    error\[E0382\].*?^    For more information.*?$", text, re.MULTILINE | re.DOTALL
    )
    assert shown is not None
    assert (child.returncode, child.stdout) == (1, "")
    assert child.stderr.endswith(textwrap.dedent(shown[0]) + "\n")


def test_the_first_screen_of_the_readme_says_what_where_and_how() -> None:
    text = (PROJECT / "README.md").read_text("utf-8")
    screen = "\n".join(text.split("\n")[:40])
    (first,) = blocks(PROJECT / "README.md", screen)
    assert first.output is not None
    assert "pip install . && python -m pythread_rs demo" in screen
    assert "](docs/tutorial/index.md)" in screen


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_readme_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", (PROJECT / name).read_text("utf-8"))
    here = [link for link in links if "://" not in link]
    assert [link for link in here if not (PROJECT / link).exists()] == []


# -- `python tests/test_docs.py PAGE...` writes the outputs into pages as they are now. ------------


def rewrite(page: Path) -> None:
    text = page.read_text("utf-8")
    for block in reversed(list(blocks(page, text))):
        with tempfile.TemporaryDirectory() as folder:
            child = run_block(block, Path(folder))
        start = PYTHON.search(text, text.index(f"```python\n{block.code}"))
        assert start is not None
        head, tail = text[: start.end()], text[start.end() :]
        if found := FENCED_OUTPUT.match(tail):
            head, tail = f"{head}```text\n{child.stdout}```", tail[found.end() :]
        if found := FENCED_ERRORS.match(tail):
            gap = "\n\n" if head.endswith("```") else ""
            head += f"{gap}```output\n{shown_errors(child.stderr)}```"
            tail = tail[found.end() :]
        text = head + tail
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name).resolve())
