"""Idempotency keys: a POST to the API that comes twice is answered twice and done once."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from apps.core import tenancy
from apps.core.api import problem_response
from apps.core.errors import Conflict, Invalid
from apps.work.models import IdempotencyKey


class Idempotency:
    """Remembers the answer to `Idempotency-Key` in the transaction that did the work.

    The same key with the same request gets the same answer, marked `Idempotency-Replayed: true`; with another
    request it gets 422. Answers of 500 and above are not remembered: nothing was done.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        inside = tenancy.current_or_none() is not None and "/api/v1/" in request.path
        if not key or request.method != "POST" or not inside or not request.user.is_authenticated:
            return self.get_response(request)
        if len(key) > 200:
            return problem_response(Invalid("The Idempotency-Key is longer than 200 characters. Use a UUID."))
        return self._once(request, key)

    def _once(self, request: HttpRequest, key: str) -> HttpResponse:
        person: Any = request.user
        entry = IdempotencyKey(user=person, key=key, request_hash=_fingerprint(request))
        try:
            with transaction.atomic():
                entry.save(force_insert=True)
        except IntegrityError:
            return self._again(request, key, entry.request_hash)
        response = self.get_response(request)
        if response.status_code >= 500 or response.streaming:
            entry.delete()
            return response
        entry.status, entry.content_type = response.status_code, response.headers.get("Content-Type", "")
        entry.body = response.content.decode("utf-8", "replace")
        entry.save()
        return response

    def _again(self, request: HttpRequest, key: str, fingerprint: str) -> HttpResponse:
        entry = IdempotencyKey.objects.get(user=request.user, key=key)
        if entry.request_hash != fingerprint:
            return problem_response(Invalid("This Idempotency-Key was used for another request. Use a new key."))
        if entry.status is None:
            return problem_response(
                Conflict("The first request with this Idempotency-Key is still under way. Try again shortly.")
            )
        response = HttpResponse(entry.body, status=entry.status, content_type=entry.content_type)
        response.headers["Idempotency-Replayed"] = "true"
        return response


def _fingerprint(request: HttpRequest) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()} {request.content_type}\n".encode())
    if request.content_type == "multipart/form-data":
        digest.update(request.headers.get("Content-Length", "").encode())
    else:
        digest.update(request.body)
    return digest.hexdigest()
