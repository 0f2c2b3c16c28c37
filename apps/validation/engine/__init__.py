"""The validation laboratory's arithmetic: checks, their registry, plans as data, and the runner. No Django in here."""

LARGEST_LIMIT = 1e12  # of a threshold; beyond it a plan holds a slip of the keyboard
