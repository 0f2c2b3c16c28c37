"""`python -m apps.core.sandbox`: try the walls on this machine."""

import sys

from apps.core.sandbox.trials import report

sys.exit(1 if report() else 0)
