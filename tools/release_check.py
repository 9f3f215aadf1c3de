"""Check that a tag, the version and the changelog agree, before anything is built for a release.

python tools/release_check.py          # version and changelog
python tools/release_check.py v1.2.3   # and that this is the tag, and the release has a date
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def problems(version: str, changelog: str, tag: str | None) -> list[str]:
    """Say what does not agree."""
    heading = re.search(rf"^## \[{re.escape(version)}\] - (\S+)$", changelog, re.MULTILINE)
    if heading is None:
        return [f"CHANGELOG.md has no heading for {version}"]
    if tag is None:
        return []
    found: list[str] = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, the version {version}")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", heading[1]):
        found.append(f"CHANGELOG.md gives {version} no date, but {heading[1]!r}")
    return found


def main(arguments: list[str]) -> int:
    """Print what is wrong; return whether anything is."""
    version = runpy.run_path(str(PROJECT / "pythread_rs" / "_version.py"))["__version__"]
    changelog = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    found = problems(version, changelog, arguments[0] if arguments else None)
    print("\n".join(found) or f"{version} is ready")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
