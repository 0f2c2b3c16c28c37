"""One machine: `make up` and `make demo`."""

from config.settings.base import *
