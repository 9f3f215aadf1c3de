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
            sources=[
                *build["sync_sources"](),
                "csrc/python/blocking.c",
                "csrc/python/channel_type.c",
                "csrc/python/deadlock.c",
                "csrc/python/calls.c",
                "csrc/python/choice.c",
                "csrc/python/interruptible.c",
                "csrc/python/objects.c",
                "csrc/python/oneshot_type.c",
                "csrc/python/ownership/children.c",
                "csrc/python/ownership/clone.c",
                "csrc/python/ownership/facts.c",
                "csrc/python/ownership/frames.c",
                "csrc/python/ownership/isolated.c",
                "csrc/python/ownership/item.c",
                "csrc/python/ownership/kinds.c",
                "csrc/python/ownership/module.c",
                "csrc/python/ownership/moved_type.c",
                "csrc/python/ownership/own.c",
                "csrc/python/ownership/unique.c",
                "csrc/python/packet_type.c",
                "csrc/python/parker_type.c",
                "csrc/python/receiver_type.c",
                "csrc/python/results.c",
                "csrc/python/scope_type.c",
                "csrc/python/select.c",
                "csrc/python/sender_type.c",
                "csrc/python/sending_type.c",
                "csrc/python/stop_type.c",
                "csrc/python/ticket_type.c",
                "csrc/python/timer_type.c",
            ],
            depends=build["headers"](),
            include_dirs=["."],
            define_macros=build["sync_macros"](),
            extra_compile_args=build["compile_flags"](),
            extra_link_args=build["link_flags"](),
        )
    ],
)
