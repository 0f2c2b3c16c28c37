"""Drift and performance on small additive states: numbers in, numbers out, no Django.

 Every batch of rows is reduced once (`reduce`) to a `state`, which adds up over batches, hours, days and months. A
check compares two sums (`statistics`, `performance`), and `policy` decides whether the difference deserves a person's
attention.
"""

VERSION = "1"  # of the arithmetic: stored with every result, raised when a number would come out differently
