"""What both walks share: acting inside the company's tenant, waiting for workers, signing through the pages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apps.approvals.models import Request, RequestState
from apps.core.tenancy import tenant
from apps.datasets import actions as datasets
from apps.datasets.models import Dataset, DatasetVersion, Split, VersionState
from apps.portal.demo.people import Company
from apps.portal.demo.signing import Signers
from apps.portal.demo.terminal import Terminal
from apps.work import jobs


class Walk:
    """One organization's way through the stages. Every step looks first whether an earlier run has done it."""

    def __init__(self, company: Company, terminal: Terminal, folder: Path) -> None:
        self.company, self.terminal, self.folder = company, terminal, folder
        self.signers = Signers()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """A transaction of the company's organization."""
        with tenant(self.company.organization.pk):
            yield

    def step(self, text: str) -> Any:
        """One step in the terminal."""
        return self.terminal.step(text)

    def wait_for(self, subject: Any) -> None:
        """Wait for the newest job of a thing, if there is one that has not ended."""
        with self.inside():
            job = jobs.newest(subject)
        if job is not None and job.is_open:
            self.terminal.wait(self.company.organization.pk, job.pk)

    def sign(self, request: Any, *people: str, comment: str = "") -> None:
        """Let people sign on the request's page, those that have not yet."""
        with self.inside():
            fresh = Request.objects.select_related("organization").get(pk=request.pk)
            there = {signature.user.email for signature in fresh.signatures.select_related("user")}
            waiting = fresh.state == RequestState.OPEN
            signers = [self.company[name] for name in people if self.company[name].email not in there]
        if waiting:
            self.signers.sign(fresh, *signers, comment=comment)

    def uploaded(
        self, dataset: Dataset, number: int, name: str, write: Callable[[Path], Any], by: str, **more: Any
    ) -> DatasetVersion:
        """The numbered version of a dataset: uploaded, read and profiled by a worker."""
        version = self._version(dataset, number)
        if version is None:
            path = self.folder / name
            write(path)
            with self.inside(), path.open("rb") as file:
                version = datasets.upload_version(dataset=dataset, file=file, name=name, by=self.company[by], **more)
            path.unlink()
        self.wait_for(version)
        return self._must_have(dataset, number)

    def prepared(
        self, source: DatasetVersion, into: Dataset, recipe: list[dict], by: str, like: DatasetVersion | None = None
    ) -> DatasetVersion:
        """What a worker makes of a version by a recipe; `like` is an earlier result whose recipe and figures are used."""
        with self.inside():
            run = source.preparations.filter(into=into, state="succeeded").first()
            if run is None:
                learned_from = None if like is None else like.prepared_by.first()
                given: dict[str, Any] = {
                    "version": source,
                    "recipe": recipe,
                    "into": into,
                    "learned_from": learned_from,
                }
                run = datasets.prepare(by=self.company[by], **given)
        self.wait_for(run)
        with self.inside():
            run.refresh_from_db()
            return self._versions(into).get(pk=run.result_id)

    def divided(self, version: DatasetVersion, plan: dict[str, Any], by: str) -> Split:
        """A version's split, made by a worker."""
        with self.inside():
            split = version.splits.first()
            if split is None:
                split = datasets.split(version=version, plan=plan, by=self.company[by])
        self.wait_for(split)
        return split

    def signed_off(self, version: DatasetVersion, use: str, by: str, *people: str) -> DatasetVersion:
        """A version found fit by the people whose signature it takes."""
        if version.state != VersionState.SIGNED_OFF:
            with self.inside():
                request = version.sign_off_request or datasets.request_sign_off(
                    version=version, use=use, by=self.company[by]
                )
            self.sign(request, *people)
        return self._must_have(version.dataset, version.number)

    def _version(self, dataset: Dataset, number: int) -> DatasetVersion | None:
        with self.inside():
            return self._versions(dataset).filter(number=number).first()

    def _must_have(self, dataset: Dataset, number: int) -> DatasetVersion:
        with self.inside():
            return self._versions(dataset).get(number=number)

    @staticmethod
    def _versions(dataset: Dataset) -> Any:
        related = ("dataset__project", "dataset__organization", "organization", "sign_off_request")
        return DatasetVersion.objects.filter(dataset=dataset).select_related(*related)


def mildest(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers, with the mildest one for every other question of the newest questionnaire."""
    from apps.projects.engine import questionnaire

    for question in questionnaire.newest().questions:
        calm = next(answer.key for answer in question.answers if answer.tier == "low")
        answers.setdefault(question.key, [calm] if question.many else calm)
    return answers
