"""Everything that makes Tenure run on one machine: database, broker, roles, environment and processes.

Only `__main__` and `supervisor` start anything; the rest can be imported without Django and without side effects.
"""
