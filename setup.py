"""Build the two extension modules; everything else stands in pyproject.toml."""

import runpy

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

build = runpy.run_path("csrc/build_ffi.py")


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
