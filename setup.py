"""Build the two extension modules; everything else stands in pyproject.toml."""

import re
import runpy
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

build = runpy.run_path("csrc/build_ffi.py")


def readme() -> str:
    """Return README for where its files are not: relative links lead nowhere on a package index.

    They lead to the sources once `[project.urls]` in pyproject.toml names those as `Source`. Until
    then the text says which file of the source distribution is meant.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    source = project.get("urls", {}).get("Source")

    def replace(link: re.Match[str]) -> str:
        text, target = link.groups()
        if source is not None:
            return f"[{text}]({source}/blob/main/{target})"
        return text if text == target else f"{text} (`{target}`)"

    return re.sub(
        r"\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)", replace, Path("README.md").read_text("utf-8")
    )


class BuildBesideTheSource(build_ext):  # type: ignore[misc]  # setuptools has no types
    """Leave the compiled modules beside the source too, whatever they are built for.

    After `pip install .` in a checkout, `python -m pythread_rs` there finds the source first, and
    would find it without them.
    """

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        self.copy_extensions_to_source()


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    cmdclass={"build_ext": BuildBesideTheSource},
    cffi_modules=["csrc/build_ffi.py:ffi"],
    ext_modules=[
        Extension(
            "pythread_rs._objects",
            sources=build["object_sources"](),
            depends=build["headers"](),
            include_dirs=["."],
            define_macros=build["sync_macros"](),
            extra_compile_args=build["compile_flags"](),
            extra_link_args=build["link_flags"](),
        )
    ],
)
