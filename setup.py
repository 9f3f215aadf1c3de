"""Build the two extension modules; everything else stands in pyproject.toml."""

import runpy

from setuptools import Extension, setup

build = runpy.run_path("csrc/build_ffi.py")

setup(
    cffi_modules=["csrc/build_ffi.py:ffi"],
    ext_modules=[
        Extension(
            "pythread_rs._objects",
            sources=[
                "csrc/python/interruptible.c",
                "csrc/python/objects.c",
                "csrc/python/packet_type.c",
                "csrc/python/parker_type.c",
            ],
            include_dirs=["."],
            extra_compile_args=build["compile_flags"](),
            extra_link_args=build["link_flags"](),
        )
    ],
)
