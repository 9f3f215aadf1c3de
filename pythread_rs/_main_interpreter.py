"""Imported first: the package works in the main interpreter only, and says so at once.

cffi's own module refuses a subinterpreter too, with a text that names cffi, not this package.
"""

# pyright: basic
# CPython's private modules have no types.

__all__: list[str] = []


def _in_main_interpreter() -> bool:
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found]  # from 3.13 on
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
        except ImportError:  # a build without subinterpreters
            return True
    here, main = interpreters.get_current(), interpreters.get_main()
    return bool(here == main)


if not _in_main_interpreter():
    raise ImportError(
        "pythread_rs works in the main interpreter only: it cannot be imported in a subinterpreter"
    )
