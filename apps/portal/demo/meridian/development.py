"""Three candidates trained; the best registered with its card."""

from apps.models import actions as models
from apps.models.models import ModelVersion, RegisteredModel, TrainingRun
from apps.portal.demo.meridian.data import Data
from apps.portal.demo.meridian.recipes import CARD, RECIPE


class Development(Data):
    """Three candidates trained; the best registered with its card."""

    def development(self) -> None:
        """Three candidates trained in an isolated child; the best registered with its card."""
        self.terminal.heading("3  Development: three candidates compared, the best registered")
        dario = self.company["dario"]
        with self.inside():
            rows = RegisteredModel.objects.select_related("project", "organization")
            self.model = rows.filter(key="late-arrivals").first() or models.register_model(
                project=self.project,
                key="late-arrivals",
                name="Late arrivals",
                kind="classification",
                target="late",
                description="Will this flight arrive more than 15 minutes late? Asked hours before departure.",
                by=dario,
            )
        with self.step("A worker trains three candidates with 3-fold cross-validation and converts the best to ONNX"):
            with self.inside():
                run = self.model.runs.exclude(state="failed").order_by("number").first() or models.start_training(
                    model=self.model,
                    recipe=RECIPE,
                    dataset_version=self.first,
                    split=self.split,
                    reason="First training",
                    by=dario,
                )
            self.wait_for(run)
        with self.step("Dario registers the best as version 1 and writes its card"), self.inside():
            self._registered(self._run(1))

    def _run(self, number: int) -> TrainingRun:
        related = ("model__project", "model__organization", "dataset_version", "split", "started_by")
        return TrainingRun.objects.select_related(*related).get(model=self.model, number=number)

    def _registered(self, run: TrainingRun) -> None:
        dario = self.company["dario"]
        version = self.model.versions.first() or models.register_version(
            model=self.model, run=run, note="First version", by=dario
        )
        if version.state == "draft":
            models.write_card(version=version, written=CARD, by=dario)
            models.submit_version(version=self.at(1), by=dario)

    def at(self, number: int) -> ModelVersion:
        """A version, read anew. Asked inside the tenant."""
        related = (
            "model__project",
            "model__organization",
            "artifact",
            "run__split",
            "run__dataset_version",
            "dataset_version",
            "approval",
        )
        return ModelVersion.objects.select_related(*related).get(model=self.model, number=number)
