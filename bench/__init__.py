"""Measurements: `python -m bench` runs them all, prints a table and writes `build/bench/results.json`.

A benchmark is a coroutine function in `bench/suite_*.py`, registered with `@benchmark`; it yields `Result`s. Cases of one metric stand
side by side in the table, each with its ratio to the first.
"""

from bench.registry import Better, Context, Result, benchmark, registered

__all__ = ["Better", "Context", "Result", "benchmark", "registered"]
