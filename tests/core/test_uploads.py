"""Uploads pass through a bounded handler: what is too large leaves nothing, and the rest of the form survives."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from apps.core.errors import TooLarge
from apps.core.uploads import refuse_too_large


def posted(size: int):
    """A form with a file of this size between two fields."""
    return RequestFactory().post("/", {"first": "1", "file": SimpleUploadedFile("big.csv", b"x" * size), "last": "2"})


def test_a_file_within_the_limit_is_kept(settings):
    settings.TENURE_UPLOAD_LIMIT = 200_000
    request = posted(200_000)

    assert request.FILES["file"].size == 200_000
    refuse_too_large(request)


def test_a_file_over_the_limit_is_dropped_and_named(settings, tmp_path):
    settings.TENURE_UPLOAD_LIMIT = 100_000
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    request = posted(300_000)

    assert dict(request.POST) == {"first": ["1"], "last": ["2"]}
    assert not request.FILES
    with pytest.raises(TooLarge, match=r"big\.csv is larger than 0 MiB"):
        refuse_too_large(request)
    assert list(tmp_path.iterdir()) == []
