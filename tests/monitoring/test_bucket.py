"""Rows kept in a bucket: the same batches through the S3 interface, spoken with a small server of the test's own."""

import datetime as dt
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.core import files
from apps.core.errors import NotVisible
from apps.monitoring import actions
from apps.monitoring.models import Batch, State
from apps.organizations.people import system


class Bucket(BaseHTTPRequestHandler):
    """Objects by their path: put, head, get (whole or a range) and delete."""

    objects: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"x"', **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def do_PUT(self) -> None:
        self.objects[self.key] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_GET(self) -> None:
        found = self.objects.get(self.key)
        if found is None:
            self._answer(404)
        elif "Range" in self.headers:
            start, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
            part = found[int(start) : int(end) + 1 if end else None]
            self._answer(206, part, Content_Range=f"bytes {start}-{int(start) + len(part) - 1}/{len(found)}")
        elif self.command == "HEAD":
            self.send_response(200)
            self.send_header("Content-Length", str(len(found)))
            self.send_header("Last-Modified", "Mon, 01 Apr 2013 00:00:00 GMT")
            self.end_headers()
        else:
            self._answer(200, found)

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.objects.pop(self.key, None)
        self._answer(204)


@pytest.fixture
def bucket(settings, monkeypatch) -> Iterator[dict[str, bytes]]:
    """The objects of a bucket that all files are kept in."""
    handler = type("Objects", (Bucket,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"):
        monkeypatch.setenv(name, "when_required")
    options = {
        "bucket_name": "rows", "endpoint_url": f"http://127.0.0.1:{server.server_port}", "addressing_style": "path",
        "region_name": "us-east-1",
    }  # fmt: skip
    here = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**django_settings.STORAGES, "default": here}
    yield handler.objects
    server.shutdown()


def test_rows_are_kept_counted_and_deleted_in_a_bucket(bucket, field):
    batch = field.send("predictions", field.rows(40)[0])
    key = f"/rows/{batch.path}"
    assert (batch.state, State.objects.count()) == ("reduced", 24)
    assert pq.read_table(pa.BufferReader(bucket[key])).num_rows == 40
    assert "/batches/endpoint=late-arrivals/kind=predictions/date=" in key
    with files.local(batch.path) as path:
        assert path.read_bytes() == bucket[key]
    with pytest.raises(NotVisible):
        files.open_file("elsewhere/x")
    with pytest.raises(NotImplementedError):
        default_storage.path(batch.path)
    Batch.objects.update(created_at=timezone.now() - dt.timedelta(days=500))
    assert (actions.forget_rows(by=system()), key in bucket) == (1, False)
    assert actions.forget_rows(by=system()) == 0


def test_rows_that_are_gone_from_the_bucket_are_said_to_be_gone(bucket, field):
    batch = field.send("predictions", field.rows(5)[0], count=False)
    bucket.clear()
    actions.count_waiting(endpoint=field.endpoint, by=system())
    batch.refresh_from_db()
    assert batch.failure == "The file that its rows were kept in is not there."
