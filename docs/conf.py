"""Sphinx's settings: `sphinx-build -W --keep-going -n docs docs/_build/html` makes the site."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pythread_rs

project = "pythread_rs"
author = "pythread_rs contributors"
copyright = "pythread_rs contributors, MIT licence"
version = release = pythread_rs.__version__

# By name: the type checkers run where Sphinx is not installed, too.
nodes: Any = importlib.import_module("sphinx.util.nodes")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "models"]
nitpicky = True
# The errors of `sync.mpsc` have the names that those of `sync.oneshot` have.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"pythread_rs {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

# -- The reference. --------------------------------------------------------------------------------

# A single backquote is code, as in Markdown.
default_role = "code"
autodoc_default_options = {
    "members": True,
    # What a class has from a private base belongs to it; what it has from Python's does not.
    "inherited-members": "BaseException,Exception,TypeError,RuntimeError,TimeoutError,Executor,"
    "Generic,IntEnum,Enum,int,tuple,dict,list,Mapping,Sequence,object",
    "member-order": "bysource",
}
autodoc_use_type_comments = False
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# "Blocks: no." becomes a field beside "Returns".
FIELD = re.compile(
    r"^(\s*)((?:Args|Returns|Raises|Blocks|Thread safety)(?:, [A-Z][a-z ]+)*): (?=\S)"
)
SHORT = re.compile(
    r"~|(?<=[a-z])Base\b|\b_(?=[A-Z])|\b(?:collections\.abc|datetime|typing|pythread_rs(?:\.\w+)*)\."
)
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./(?:benchmarks|csrc|examples|tests)/[^)]*\)")
DRAWN = re.compile(r"^\s|\S {2,}\S|^\w+$")


def module_text(lines: list[str]) -> list[str]:
    """Turn a module's docstring, with its trees and tables drawn in text, into reST."""
    text: list[str] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = paragraph.split("\n")
        if any(DRAWN.search(row) for row in rows):
            text += [".. code-block:: none", "", *("    " + row for row in rows), ""]
        else:
            text += [*rows, ""]
    return text


def with_fields(lines: list[str]) -> list[str]:
    """Turn lines such as "Blocks: no.", with those that go on with them, into fields."""
    text: list[str] = []
    inside = False
    for line in lines:
        if field := FIELD.match(line):
            text.append(FIELD.sub(r"\1:\2: ", line))
        else:
            text.append(f"    {line}" if inside and line else line)
        inside = bool(field) or (inside and bool(line))
    return text


def process_docstring(
    _app: object, what: str, _name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Adapt the docstrings, which are written to be read in a terminal."""
    if what == "module":
        lines[:] = module_text(lines)
    elif what in {"attribute", "data", "property"}:
        # An empty comment: napoleon takes what stands before a colon in the first line for a type.
        lines[:0] = ["..", ""]
    for number, line in enumerate(lines):
        if line.strip() == "Raises:" and lines[number + 1].lstrip().startswith("As "):
            lines[number : number + 2] = [f"Raises: {lines[number + 1].strip()}", ""]
    lines[:] = with_fields(lines)


def read_stubs() -> dict[str, tuple[str, str | None]]:
    """Read signatures of what is written in C, which has no annotations of its own."""
    source = Path(pythread_rs.__file__).with_name("_objects.pyi").read_text("utf-8")
    found: dict[str, tuple[str, str | None]] = {}
    for top in ast.parse(source).body:
        owner = f"{top.name}." if isinstance(top, ast.ClassDef) else ""
        for node in top.body if isinstance(top, ast.ClassDef) else [top]:
            if isinstance(node, ast.FunctionDef) and "overload" not in ast.unparse(node):
                if owner:
                    (node.args.posonlyargs or node.args.args).pop(0)
                arguments = ast.unparse(node.args).removeprefix("/, ").removeprefix("/")
                returns = ast.unparse(node.returns) if node.returns else None
                found[owner + node.name] = (f"({arguments})", returns)
    return found


STUBS = read_stubs()
IN_C = {"method_descriptor", "builtin_function_or_method"}


def process_signature(
    _app: object,
    _what: str,
    _name: str,
    value: Any,
    _options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write types by their last name, and type variables without the tilde of their repr."""
    if type(value).__name__ in IN_C:
        signature, returns = STUBS.get(value.__qualname__, (signature, returns))
    return signature and SHORT.sub("", signature), returns and SHORT.sub("", returns)


def read_source(_app: object, _name: str, source: list[str]) -> None:
    """Leave out the links of a page to what is not on the site, and keep their text."""
    source[0] = OUTSIDE.sub(r"\1", source[0])


def skip_member(
    _app: object, what: str, name: str, value: object, skip: bool, _options: object
) -> bool | None:
    """Leave out the variants of an enum that are subclasses of it: each would hold them again."""
    is_variant = what in {"class", "exception"} and isinstance(value, type) and hasattr(value, name)
    return True if is_variant else skip or None


def resolve_name(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Find the public name behind one that a docstring shortens, or that lives in `_module`."""
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    package, _, name = target.rpartition(".")
    home = re.sub(r"\._.*", "", package)
    objects = env.get_domain("py").objects
    found = [known for known in objects if f".{known}".endswith(f".{name}")]
    found.sort(key=lambda known: (not known.startswith(home), len(known)))
    if found:
        entry = objects[found[0]]
        source = node.get("refdoc", env.docname)
        return nodes.make_refnode(
            app.builder, source, entry.docname, entry.node_id, content, found[0]
        )
    # In a signature: a type variable, a private base, a class of Python's.
    is_type = node["reftype"] in {"class", "obj"} and target.replace(".", "").isidentifier()
    return content if is_type else None


def setup(app: Any) -> None:
    """Connect the functions of this file."""
    app.connect("autodoc-process-docstring", process_docstring, priority=400)
    app.connect("autodoc-process-signature", process_signature)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("source-read", read_source)
    app.connect("missing-reference", resolve_name)
