"""`make bench`: the most used pages and lists in a big portal, and what the walls cost. Nothing here is a test.

    python -m benchmarks [--organizations 1000] [--models 10000] [--rounds 15]

A database of its own is made, filled and dropped. One organization holds all the models, the others a few rows each,
so that the times show what a big tenant pays and what the neighbours' rows cost.
"""

import argparse
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from benchmarks import filling, pages, walls  # noqa: E402


def main() -> None:
    """Make the database, run both benchmarks, drop it."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--organizations", type=int, default=1000)
    asked.add_argument("--models", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=15)
    given = asked.parse_args()
    with filling.database():
        big, small = filling.fill(given.organizations, given.models)
        pages.run(big, small, given.rounds)
        walls.run(big, given.rounds)


if __name__ == "__main__":
    main()
