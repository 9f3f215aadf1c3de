"""The test-suite on every supported Python, and a table.

    python -m tests.matrix --jobs 2

An interpreter is taken from PATH or from pyenv. What the machine does not have comes from a
Debian `forky` chroot, which is made by debootstrap once (as root, on Debian; some minutes and
2 GB) and kept in $PYTHREAD_RS_MATRIX_CACHE, /var/cache/pythread_rs-matrix by default. What could
not be run, and why, stands below the table. The exit status is 1 if a suite that was run failed,
or if none was.
"""
