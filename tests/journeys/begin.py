"""Long work begun inside a running portal, by the real actions.

    manage.py shell -c "from tests.journeys import begin; begin.reading()"

Each function sets its stage in one transaction, queues one long job and prints the job's id.
"""

from collections.abc import Callable
from typing import Any

from apps.core.tenancy import tenant
from apps.organizations import doors
from apps.organizations.models import Organization, User
from apps.work import jobs
from tests.cast import Cast, make_cast

ROWS = 600_000


def cast_of_the_portal() -> Cast:
    """The cast, made at the first asking."""
    if not User.objects.filter(email="odile@meridian.example").exists():
        return make_cast()
    people = {user.email.partition("@")[0]: user for user in User.objects.filter(email__endswith=".example")}
    names = [name for name in Cast.__dataclass_fields__ if name not in {"meridian", "harbor"}]
    return Cast(
        meridian=organization("meridian"), harbor=organization("harbor"), **{name: people[name] for name in names}
    )


def organization(key: str) -> Organization:
    """The organization, which only its own tenant sees."""
    with tenant(doors.organization_by_key(key)):
        return Organization.objects.get(key=key)


def begin(prepare: Callable[[Cast], Any]) -> None:
    """Prepare in one transaction; the work itself is left to the portal's workers."""
    cast = cast_of_the_portal()
    with tenant(cast.meridian.pk):
        job = jobs.newest(prepare(cast))
        assert job is not None
    print(job.pk)


def reading() -> None:
    """A table of some size, to be read and profiled."""
    from tests.datasets.factories import dataset_of, uploaded
    from tests.projects.factories import project_at

    carriers = ("UA", "DL", "AA")
    lines = (f"2013-{1 + n % 12:02d}-{1 + n % 28:02d},{carriers[n % 3]},{n % 50 - 10},{n}" for n in range(ROWS))
    text = "day,carrier,delay,distance\n" + "\n".join(lines)
    begin(lambda cast: uploaded(cast, dataset_of(cast, project_at(cast, "approved", key="reading"), "reading"), text))


def training() -> None:
    """Three candidates of some size."""
    from tests.models import factories
    from tests.models.engine.samples import recipe
    from tests.projects.factories import project_at

    large = recipe("random_forest", "gradient_boosting", "lightgbm")
    for candidate in large["candidates"]:
        candidate["parameters"]["n_estimators"] = 120

    def prepare(cast: Cast) -> Any:
        project = project_at(cast, "approved", key="training")
        model = factories.model_of(cast, project, "training")
        data = factories.signed_off_data(cast, project, 25_000, "training")
        return factories.queued_run(cast, model, data, recipe=large)

    begin(prepare)


def validation() -> None:
    """A plan whose robustness check scores the test data many times."""
    from tests.projects.factories import project_at
    from tests.validation import factories

    def prepare(cast: Cast) -> Any:
        project = project_at(cast, "approved", key="validation")
        version = factories.candidate(cast, factories.model_of(cast, project, "validation"))
        test = factories.data(cast, project, "validation", rows=100_000, seed=5)
        return factories.queued_run(cast, version, test_data=test)

    begin(prepare)


def checking() -> None:
    """A drift monitor with half a year of days to look at."""
    import datetime as dt

    from apps.monitoring import actions
    from tests.monitoring.field import START, Field

    def prepare(cast: Cast) -> Any:
        field = Field(cast)
        for month in range(6):
            field.fly(1_500, START + dt.timedelta(days=30 * month), hours=24 * 30, labelled=False)
        field.send("predictions", field.rows(100)[0])
        monitor = field.monitor()
        actions.start_check(monitor=monitor, by=cast.otto)
        return monitor

    begin(prepare)


def ingesting() -> None:
    """A watched endpoint, one beside it of the same model, and a token to send rows with, which is printed."""
    from apps.organizations import actions as organizations
    from tests.monitoring.field import Field

    cast = cast_of_the_portal()
    with tenant(cast.meridian.pk):
        field = Field(cast, key="ingesting")
        field.shop.endpoint(field.shop.staging, key="beside")
        _, token = organizations.create_token(user=cast.otto, name="journey", scopes=["ingest"], by=cast.otto)
    print(token)


def ask_again() -> None:
    """Have counted what a killed worker left, as if the minutes until that is noticed were over."""
    import datetime as dt

    from django.utils import timezone

    from apps.monitoring import actions
    from apps.monitoring.actions import turns
    from apps.work.models import OutboxMessage

    turns.LEFT_BEHIND = dt.timedelta(0)
    with tenant(cast_of_the_portal().meridian.pk):
        asked = OutboxMessage.objects.filter(task="monitoring.count_rows", delivered_at__isnull=False)
        asked.update(delivered_at=timezone.now() - dt.timedelta(minutes=5))
        actions.pick_up()
