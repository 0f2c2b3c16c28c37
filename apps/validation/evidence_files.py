"""Files that people and tools put beside what they say of a version: one folder, one limit."""

from typing import BinaryIO

from apps.core import files

# Reports, protocols and what tools write; rows and models have places of their own, with the limit of uploads.
LARGEST = 100 * 1024**2


def store(file: BinaryIO, name: str) -> files.Stored:
    """Keep a file in the ambient tenant's folder of evidence; TooLarge where it is too large, and nothing stays."""
    return files.store(file, folder="evidence", name=name, limit=LARGEST)
