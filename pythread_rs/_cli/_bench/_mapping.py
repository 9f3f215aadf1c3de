"""A function for each item of a list: real files, numpy matrices, and prime numbers in Python."""

from __future__ import annotations

import argparse
import os
import sysconfig
from math import isqrt
from typing import NamedTuple

from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._stage import Stage, do_all, mapping_ways
from pythread_rs._cli._bench._turns import Plan, Way
from pythread_rs._cli._hashing import hash_file
from pythread_rs._cli._machine import gil_state
from pythread_rs._cli._table import count
from pythread_rs._cli._tree import scan

FULL_MIB, QUICK_MIB = 32, 3
PRIME_BLOCK = 2000
MATRIX_STEPS = 4
# BLAS has threads of its own, which would do the work of all ways and none could be told apart.
BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def files(stage: Stage, plan: Plan, arguments: argparse.Namespace) -> tuple[Experiment, list[Way]]:
    """Hash and pack the files of a folder."""
    most = plan.size(FULL_MIB << 20, QUICK_MIB << 20, 1 << 14)
    tree = scan(arguments.dir, max_bytes=most)
    # The largest first, for all ways alike: nobody is left with a large one at the end.
    entries = tuple(sorted(tree.files, key=lambda entry: (-entry.size, entry.path)))
    expected = do_all(hash_file, entries)
    mib = tree.total_bytes / (1 << 20)
    title = (
        f"SHA-256 and zlib of {count(len(entries), 'file')}, {mib:.1f} MiB, in "
        f"{tree_name(tree.root)}; compared file by file"
    )
    notes = ["hashlib and zlib let go of the GIL for each block; opening and reading do, too."]
    if not tree.is_whole:
        notes.append(f"Not the whole tree: limited to {most / (1 << 20):.1f} MiB.")
    if tree.unreadable:
        notes.append(f"Skipped because unreadable: {tree.unreadable}.")
    experiment = Experiment("files", title, "the tree", notes=notes)
    return experiment, mapping_ways(stage, hash_file, entries, expected)


def tree_name(root: str) -> str:
    """Say what was read, in a report that may be published: where Python is says nothing."""
    return "Python's own library" if root == sysconfig.get_paths()["stdlib"] else root


def has_divisor(number: int) -> bool:
    """Tell whether a number from 2 on is not a prime."""
    return any(number % divisor == 0 for divisor in range(2, isqrt(number) + 1))


def count_primes(first: int) -> int:
    """Count the primes of a block of numbers, in pure Python."""
    block = range(max(2, first), first + PRIME_BLOCK)
    return sum(not has_divisor(number) for number in block)


def primes(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Count primes in pure Python."""
    most = plan.size(200_000, 60_000, PRIME_BLOCK)
    blocks = tuple(range(0, most, PRIME_BLOCK))
    expected = do_all(count_primes, blocks)
    notes = [f"The GIL is {gil_state()}. While it is on, threads run such code by turns, whoever"]
    notes[0] += " started them: only processes use several CPUs."
    title = f"primes below {len(blocks) * PRIME_BLOCK:,} in pure Python, by trial division"
    experiment = Experiment("primes", title, "the count", notes=notes)
    return experiment, mapping_ways(stage, count_primes, blocks, expected)


class Product(NamedTuple):
    """One item of work with matrices."""

    side: int
    seed: int


def multiply(product: Product) -> float:
    """Multiply a matrix by itself again and again; return the sum of what comes out."""
    import numpy as np

    side = product.side
    matrix = np.random.default_rng(product.seed).standard_normal((side, side))
    for _ in range(MATRIX_STEPS):
        matrix = matrix @ matrix
        matrix /= np.abs(matrix).max()
    return float(matrix.sum())


def calm_blas() -> None:
    """Keep BLAS to one thread here and in the children; in time, when numpy is not loaded yet."""
    for name in BLAS_VARIABLES:
        os.environ.setdefault(name, "1")


def matrices(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Multiply matrices with numpy.

    Raises:
        ImportError: There is no numpy.
    """
    import numpy as np

    side = plan.size(320, 200, 4)
    products = tuple(Product(side, seed) for seed in range(plan.size(64, 24, 4)))
    expected = do_all(multiply, products)
    notes = [f"numpy {np.__version__}, its BLAS limited to one thread, so that ours are compared."]
    title = f"numpy: {len(products)} times {MATRIX_STEPS} products of {side} x {side} matrices"
    experiment = Experiment("matrices", title, "all of them", notes=notes)
    return experiment, mapping_ways(stage, multiply, products, expected)
