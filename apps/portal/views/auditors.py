"""The auditors' room: what was in production at a moment, who approved it, on what evidence; the trail; the proof."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import django_filters
from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.audit import chain
from apps.audit.models import Checkpoint, Head, Record
from apps.core.pages import Action, Crumb
from apps.organizations.bases import ListPage, ObjectPage, TenantPage
from apps.portal import policies, production
from apps.portal.forms import MomentForm


class AuditPage:
    """What the pages of the room have in common: only those who may audit enter."""

    request: HttpRequest
    organization: Any

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        policies.check_audit(request.user)
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc,no-any-return]

    def room(self, name: str = "auditors") -> str:
        """The address of a page of the room."""
        return reverse(f"portal:{name}", args=[self.organization.key])

    def crumbs(self, *more: Crumb) -> list[Crumb]:
        """The way here."""
        return [Crumb("Auditors’ room", self.room()), *more]


class Room(AuditPage, TenantPage):
    """The question that auditors ask first, with its answer, and the doors to everything else."""

    template_name = "portal/auditors.html"
    title = "Auditors’ room"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        now = timezone.localtime()
        form = MomentForm(request.GET or None, initial={"date": now.date(), "time": now.strftime("%H:%M")})
        answered = form.is_bound and form.is_valid()
        moment, answers = None, None
        if answered:
            moment = form.cleaned_data["moment"]
            answers = production.at(moment, request.user, everywhere=form.cleaned_data["everywhere"])
        return self.render(
            form=form,
            moment=moment,
            answers=answers,
            head=Head.objects.first(),
            checkpoint=Checkpoint.objects.first(),
            status=422 if form.is_bound and not answered else 200,
        )


class TrailFilter(django_filters.FilterSet):
    """Action, person, subject, time."""

    action = django_filters.CharFilter(lookup_expr="icontains")
    actor_label = django_filters.CharFilter(lookup_expr="icontains", label="Who")
    subject_label = django_filters.CharFilter(lookup_expr="icontains", label="About")
    since = django_filters.DateFilter("occurred_at", "date__gte", label="From")
    until = django_filters.DateFilter("occurred_at", "date__lte", label="To")

    class Meta:
        model = Record
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("since", "until"):
            self.form.fields[name].widget.input_type = "date"


class Trail(AuditPage, ListPage):
    """Every decision of the organization, newest first."""

    template_name = "portal/trail.html"
    title = "Audit trail"
    model = Record
    filterset_class = TrailFilter
    orderings = {"number": "sequence", "at": "occurred_at", "who": "actor_label", "action": "action"}
    default_ordering = "-sequence"
    columns = {
        "Number": "sequence",
        "At": "occurred_at",
        "Who": "actor_label",
        "Action": "action",
        "About": "subject_label",
        "Type": "subject_type",
        "Reason": "reason",
        "Channel": "channel",
        "Hash": "hash",
    }

    def get_queryset(self) -> Any:
        return Record.objects.select_related("actor").defer("body")

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "One row for each decision, written in the transaction that decided. No row can be changed or removed."
        return super().context(crumbs=self.crumbs(Crumb(self.title)), lead=lead, **more)


class Entry(AuditPage, ObjectPage):
    """One record of the chain with everything it carries."""

    template_name = "portal/record.html"
    model = Record
    lookups = {"sequence": "sequence"}

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.crumbs(Crumb("Audit trail", self.room("trail")), Crumb(f"#{self.object.sequence}"))
        details = self.object.details
        has_both = isinstance(details.get("before"), dict) and isinstance(details.get("after"), dict)
        about = {key: value for key, value in details.items() if not (has_both and key in ("before", "after"))}
        return super().context(crumbs=crumbs, details=about, change=details if has_both else None, **more)


class Verify(AuditPage, TenantPage):
    """Hold the whole chain against itself and its signed checkpoints, now."""

    template_name = "portal/verify.html"
    title = "Does the chain hold?"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render(
            crumbs=self.crumbs(Crumb(self.title)),
            faults=chain.faults(),
            count=Record.objects.count(),
            checkpoints=Checkpoint.objects.all()[:30],
            public_key=chain.public_key().hex(),
            primary=Action("Export the trail", self.room("export"), icon="download"),
        )


class Export(AuditPage, TenantPage):
    """The chain as a bundle that verifies offline."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: Any) -> FileResponse:
        bundle = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bundle.zip"
            chain.export(path, self.organization.name)
            with path.open("rb") as written:
                while chunk := written.read(1 << 20):
                    bundle.write(chunk)
        bundle.seek(0)
        name = f"{self.organization.key}-audit-trail.zip"
        return FileResponse(bundle, as_attachment=True, filename=name, content_type="application/zip")
