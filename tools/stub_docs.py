"""Copy the docstrings of the compiled types into `_objects.pyi`, where editors read them.

    python tools/stub_docs.py           # write
    python tools/stub_docs.py --check   # exit with 1 if something would change

An editor shows what a stub says and does not import what is compiled. The C source is the one
place where these texts are written; `tests/test_typing.py` checks that the copy is up to date.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pythread_rs import _objects

if TYPE_CHECKING:
    from collections.abc import Iterator

STUB = Path(__file__).resolve().parents[1] / "pythread_rs" / "_objects.pyi"
INDENT = "    "
WIDTH = 100

Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def documented(tree: ast.Module) -> Iterator[tuple[Named, str | None]]:
    """Yield what the stub declares, with the text that its compiled counterpart has."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            cls = getattr(_objects, node.name, None)
            yield node, text_of(cls)
            # Some stand in the stub alone, for what two compiled types have in common.
            cls = cls or first_heir(tree, node.name)
            for part in node.body:
                if isinstance(part, Named) and not part.name.startswith("__"):
                    yield part, text_of(inspect.getattr_static(cls, part.name, None))
        elif isinstance(node, Named):
            yield node, text_of(getattr(_objects, node.name))


def first_heir(tree: ast.Module, base: str) -> type | None:
    """Find a compiled class that the stub derives from one of its own."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = (getattr(b, "value", b) for b in node.bases)  # without type arguments
            if any(isinstance(name, ast.Name) and name.id == base for name in names):
                heir: type = getattr(_objects, node.name)
                return heir
    return None


def text_of(value: object) -> str | None:
    """Return a docstring; what the stub alone has, and what inherits its text, has none."""
    text = getattr(value, "__doc__", None)
    return inspect.cleandoc(text) if isinstance(text, str) else None


def own_docstring(node: Named) -> ast.Expr | None:
    """Find the docstring that the stub has already."""
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first if isinstance(first.value.value, str) else None
    return None


def literal(text: str, indent: str) -> list[str]:
    """Write a docstring as the formatter would."""
    prefix = "r" if "\\" in text else ""
    first, *rest = text.splitlines()
    lines = [f'{indent}{prefix}"""{first}', *(f"{indent}{line}".rstrip() for line in rest)]
    if rest or len(lines[0]) + 3 > WIDTH:
        return [*lines, f'{indent}"""']
    return [lines[0] + '"""']


def with_docstrings(source: str) -> str:
    """Return the stub with the texts of the compiled module in it."""
    tree = ast.parse(source)
    lines = source.splitlines()
    edits = sorted(documented(tree), key=lambda pair: pair[0].lineno, reverse=True)
    for node, text in edits:
        document(lines, node, text)
    return "\n".join(lines) + "\n"


def document(lines: list[str], node: Named, text: str | None) -> None:
    """Put one text below the line that ends a declaration; what stands below stays in place."""
    old = own_docstring(node)
    if text is None or (old is not None and ast.get_docstring(node) == text):
        return
    new = literal(text, " " * node.col_offset + INDENT)
    if old is not None:
        lines[old.lineno - 1 : old.end_lineno] = new
        return
    first = node.body[0]
    if is_ellipsis(first):
        # `def f() -> None: ...` becomes the head alone.
        last = first.lineno - 1
        head = lines[last][: first.col_offset].rstrip()
        lines[last : last + 1] = [head, *new] if head else new
        return
    top = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))]) - 1
    lines[top:top] = [*new, ""] if isinstance(node, ast.ClassDef) else new


def is_ellipsis(node: ast.stmt) -> bool:
    """Tell whether a body is nothing but `...`."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and node.value.value is Ellipsis
    )


def main() -> int:
    """Write the stub, or compare it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    old = STUB.read_text("utf-8")
    new = with_docstrings(old)
    if new != old and not check:
        STUB.write_text(new, "utf-8")
    if new != old:
        print(f"{STUB.name} {'is out of date: run tools/stub_docs.py' if check else 'written'}")
    return int(check and new != old)


if __name__ == "__main__":
    sys.exit(main())
