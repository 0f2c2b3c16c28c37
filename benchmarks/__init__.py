"""Benchmarks: each runs side by side with what it is compared to, in one run, and prints ratios."""
