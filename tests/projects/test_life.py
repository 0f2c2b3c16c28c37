"""A project goes live with the first version in production, and never by hand."""

import pytest

from apps.audit.models import Record
from apps.projects.models import Project, ProjectState
from tests.deployments.shop import Shop


@pytest.fixture
def shop(inside):
    return Shop(inside)


def test_project_goes_live_with_its_first_deployment_to_production(shop):
    staging, production, version = shop.endpoint(shop.staging), shop.endpoint(), shop.version(1)
    shop.deploy(staging, version)
    assert Project.objects.get().state == ProjectState.APPROVED
    shop.deploy(production, version)
    project = Project.objects.get()
    assert (project.state, project.live_since is not None) == (ProjectState.LIVE, True)
    entry = Record.objects.get(action="project.went_live")
    assert (entry.actor, entry.reason) == (
        shop.cast.otto,
        "Late arrivals version 1 on late-arrivals is the first in production.",
    )


def test_second_deployment_leaves_a_live_project_as_it_is(shop):
    staging, production = shop.endpoint(shop.staging), shop.endpoint()
    for number in (1, 2):
        version = shop.version(number)
        shop.deploy(staging, version)
        shop.deploy(production, version)
    assert Record.objects.filter(action="project.went_live").count() == 1
