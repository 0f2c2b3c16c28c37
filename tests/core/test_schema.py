"""The description of the API: drawn for whoever asks, without an organization, and complete."""

import yaml
from django.core.management import call_command

from tests.routes import every_route


def test_description_names_every_route_of_the_api(client, db):
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    told = yaml.safe_load(answer.content)["paths"]
    listed = [route for route in every_route() if route.is_api]
    assert len([path for path in told if "/api/v1/" in path]) == len(listed)
    # What tools from outside answer to is described too; it belongs to no organization's API.
    assert [path for path in told if "/api/v1/" not in path] == ["/answers/{organization}/{id}/"]


def test_description_is_sound(db, capsys):
    call_command("spectacular", fail_on_warn=False, validate=True)
    assert "openapi" in capsys.readouterr().out


def test_page_that_shows_it_opens(client, db):
    assert client.get("/api/docs/").status_code == 200
