"""Time and queries of the ten most used pages and API lists: a big organization against a small one, in one run."""

import statistics
import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.organizations.models import Organization, User

PATHS = (
    ("home", ""),
    ("lifecycle board", "board/"),
    ("projects", "projects/"),
    ("a project", "projects/project-1/"),
    ("models", "models/"),
    ("a model", "models/model-1/"),
    ("datasets", "datasets/"),
    ("approvals", "approvals/"),
    ("search", "search/?q=model"),
    ("API: models", "api/v1/models/"),
    ("API: versions of a model", "api/v1/models/model-1/versions/"),
    ("API: projects", "api/v1/projects/"),
)


def run(big: Organization, small: Organization, rounds: int) -> None:
    """Print a line for each page: milliseconds and queries in both, and the ratio of the times."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        User.objects.get(email="owner@bench.example"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    print(f"{'page':28}{'big ms':>9}{'small ms':>10}{'ratio':>8}{'queries':>9}{'(small)':>9}")
    for name, path in PATHS:
        times: dict[str, list[float]] = {"big": [], "small": []}
        for _ in range(rounds):  # Side by side, round by round: what else the machine does touches both.
            for organization in (big, small):
                times[organization.key].append(_time(client, organization, path))
        here, there = (statistics.median(times[key]) * 1000 for key in ("big", "small"))
        counts = [_queries(client, organization, path) for organization in (big, small)]
        print(f"{name:28}{here:9.1f}{there:10.1f}{here / there:8.2f}{counts[0]:9}{counts[1]:9}")
    print()


def _time(client: Client, organization: Organization, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(f"/o/{organization.key}/{path}")
    spent = time.perf_counter() - began
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return spent


def _queries(client: Client, organization: Organization, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/o/{organization.key}/{path}")
    return len(captured)
