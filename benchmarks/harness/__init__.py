"""What the benchmarks share: batches by turns, child programs, regimes, reports, tables."""
