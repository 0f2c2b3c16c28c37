"""What the page of rows says of sending: every example is taken as it stands."""

import shlex
from html import escape
from urllib.parse import urlsplit

import pytest

from apps.core.tenancy import tenant
from apps.deployments.models import Endpoint
from apps.monitoring import sending
from apps.monitoring.models import BaselineRequest, Batch
from tests.deployments.samples import SIGNATURE
from tests.monitoring.field import Field


def sent(client, curl):
    """What the API answers to such a call."""
    _, url, *more = shlex.split(curl.replace("\\\n", " "))
    headers = dict(more[place + 1].split(": ", 1) for place, word in enumerate(more) if word == "-H")
    parts = urlsplit(url)
    body = more[more.index("-d") + 1]
    return client.post(f"{parts.path}?{parts.query}", body, content_type=headers["Content-Type"])


@pytest.mark.parametrize("key", ["late-arrivals", "second"])
def test_every_example_is_taken_as_it_stands(key, cast, sign_in):
    with tenant(cast.meridian.pk):
        field = Field(cast, with_baseline=False)
        if key == "second":  # nothing is deployed there: the newest version is named, which has more columns
            beside = [{"name": "it's", "type": "text"}, {"name": "vector", "type": "embedding", "size": 3}]
            field.shop.version(2, signature=SIGNATURE | {"beside": beside})
            field.shop.endpoint(field.shop.staging, key=key)
        endpoint = Endpoint.objects.select_related("model", "organization").get(key=key)
        examples = sending.examples(endpoint)
    client = sign_in(cast.otto)
    page = client.get(f"/o/meridian/monitoring/endpoints/{key}/rows/").content.decode()
    assert [one["kind"] for one in examples] == ["Predictions", "Outcomes", "Feedback"]
    for one in examples:
        assert escape(one["curl"]) in page
        answer = sent(client, one["curl"])
        assert (answer.status_code, answer.json().get("refused")) == (202, 0), answer.content
    with tenant(cast.meridian.pk):
        assert Batch.objects.filter(endpoint=endpoint).count() == 3


def test_what_was_sent_to_an_endpoint_without_a_deployment_becomes_its_baseline(cast, sign_in):
    home, client = "/o/meridian/monitoring/endpoints/second/", sign_in(cast.otto)
    with tenant(cast.meridian.pk):
        field = Field(cast, with_baseline=False)
        field.endpoint = field.shop.endpoint(field.shop.staging, key="second")
    assert "no predictions were sent" in client.get(home).content.decode()
    period = {"since": "2013-04-01T00:00", "until": "2013-04-02T00:00", "reason": "How spring looks."}
    assert "nothing was sent" in client.post(f"{home}baseline/", period).content.decode()
    with tenant(cast.meridian.pk):
        field.send("predictions", field.rows(3)[0], version=field.version, count=False)
    assert f"The baseline of {field.version} is missing" in client.get(home).content.decode()
    assert client.post(f"{home}baseline/", period).status_code == 303
    with tenant(cast.meridian.pk):
        assert BaselineRequest.objects.get().version == field.version
