"""Simulated studies with known gaps and slopes, for ``benchmarks/coverage.py``."""
