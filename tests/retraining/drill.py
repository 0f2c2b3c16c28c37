"""A model with data, a champion and a retraining policy, brought about by the real actions and workers."""

import io
from typing import Any

import pyarrow.parquet as pq

from apps.datasets import actions as datasets
from apps.datasets.models import DatasetVersion
from apps.models import actions as models
from apps.models.models import CHAMPION, ModelVersion
from apps.retraining import actions
from apps.retraining.models import RetrainingPolicy, RetrainingRun
from tests.cast import Cast
from tests.datasets.factories import dataset_of, fresh, signed_off
from tests.models.engine.samples import recipe, table
from tests.models.factories import WRITTEN, model_of
from tests.projects.factories import project_at, sign_all
from tests.support import deliver

SPLIT = {"method": "random", "seed": 1, "parts": [{"name": "train", "share": 0.7}, {"name": "test", "share": 0.3}]}


class Drill:
    """Late arrivals: one dataset, a model, and nothing trained yet."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.project = project_at(cast, "approved")
        self.dataset = dataset_of(cast, self.project)
        self.model = model_of(cast, self.project)

    def upload(self, rows: int = 300, seed: int = 1) -> DatasetVersion:
        """The next version of the data, read by a worker."""
        written = io.BytesIO()
        pq.write_table(table(rows=rows, seed=seed), written)
        file = io.BytesIO(written.getvalue())
        version = datasets.upload_version(dataset=self.dataset, file=file, name="flights.parquet", by=self.cast.dario)
        deliver(self.cast.meridian)
        return fresh(version)

    def data(self, rows: int = 300, seed: int = 1) -> DatasetVersion:
        """The next version of the data, divided and signed off."""
        version = self.upload(rows, seed)
        datasets.split(version=version, plan=SPLIT, by=self.cast.dario)
        deliver(self.cast.meridian)
        return signed_off(self.cast, version)

    def champion(self, data: DatasetVersion) -> ModelVersion:
        """A version trained on the data, validated, approved and named champion."""
        run = models.start_training(
            model=self.model,
            recipe=recipe("logistic"),
            dataset_version=data,
            split=data.splits.get(),
            by=self.cast.dario,
        )
        deliver(self.cast.meridian)
        run.refresh_from_db()
        version = models.register_version(model=self.model, run=run, by=self.cast.dario)
        models.write_card(version=version, written=WRITTEN, by=self.cast.dario)
        models.submit_version(version=version, by=self.cast.dario)
        models.mark_validated(version=version, by=self.cast.vera)
        sign_all(self.cast, models.request_approval(version=version, by=self.cast.dario))
        version.refresh_from_db()
        models.set_alias(model=self.model, name=CHAMPION, version=version, by=self.cast.otto)
        return version

    def policy(self, **more: Any) -> RetrainingPolicy:
        """A policy by Dario that lets nothing but its triggers keep it from running."""
        given = {
            "model": self.model, "dataset": self.dataset, "recipe": recipe("logistic", "random_forest"),
            "min_rows": 100, "cool_down_days": 0, "by": self.cast.dario,
        }  # fmt: skip
        return actions.write_policy(**(given | more))

    def outcomes(self) -> list[tuple[str, str]]:
        """State and outcome of every occasion, oldest first."""
        return list(RetrainingRun.objects.order_by("number").values_list("state", "outcome"))
