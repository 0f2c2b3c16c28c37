"""Writing templates: as a form or as text, with what they would say of the versions there are."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core.errors import Invalid, NotVisible
from apps.core.pages import Crumb
from apps.core.web import back
from apps.organizations.bases import FormPage
from apps.validation import actions, policies, texts
from apps.validation.dry_run import dry_run
from apps.validation.forms import TemplateForm, TextForm
from apps.validation.lines import lines_form, rows_of
from apps.validation.models import Template
from apps.validation.models.plans import KINDS, TIERS
from apps.validation.views.plans import OfLines
from apps.validation.views.shared import crumbs, link

SHOWN = 200


def current(tier: str, kind: str) -> Template | None:
    """The template in force."""
    return Template.objects.filter(tier=tier, kind=kind, is_current=True).first()


class WriteTemplate(OfLines, FormPage):
    """Keep, leave out, or set other thresholds for what plans of a tier and kind begin with."""

    model, lookups = Template, {"tier": "tier", "kind": "kind"}
    template_name = "validation/write_template.html"
    submit, done, form_class = "Put in force", "Plans written from now on begin with it.", TemplateForm

    def check(self) -> None:
        if self.kwargs["tier"] not in dict(TIERS) or self.kwargs["kind"] not in dict(KINDS):
            raise NotVisible()
        policies.check_write_template(self.request.user)

    def cancel_url(self) -> str:
        return back(self.request, link(self.organization, "templates"))

    def begun(self) -> list[dict[str, Any]]:
        """The lines as they are in force, or the built-in ones."""
        tier, kind = self.kwargs["tier"], self.kwargs["kind"]
        found = current(tier, kind)
        return list(found.lines) if found else actions.built_in_lines(tier, kind)

    def initial(self) -> dict[str, Any]:
        found = current(self.kwargs["tier"], self.kwargs["kind"])
        return TemplateForm.filled(found.setup if found else {})

    def lines(self) -> list[dict[str, Any]]:
        """The lines there are and could be; who is protected, a plan says for itself."""
        tier, kind = self.kwargs["tier"], self.kwargs["kind"]
        return rows_of(self.begun(), kind, tier, hidden=("attributes", "favourable", "edges"))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Put it in force, or only show which versions it would fail."""
        if "try" not in request.POST:
            return super().post(request, **kwargs)
        self.check()
        self.formset = lines_form(self.lines(), request.POST)
        form = self.get_form(data=request.POST)
        form.fields["reason"].required = False
        if not (self.formset.is_valid() and form.is_valid()):
            return self.render(form=form, status=422)
        try:
            lines = actions.template_lines(self.formset.written(), self.kwargs["kind"], self.kwargs["tier"])
        except Invalid as error:
            for sentence in error.fields["lines"]:
                form.add_error(None, sentence)
            return self.render(form=form, status=422)
        found = dry_run(tier=self.kwargs["tier"], kind=self.kwargs["kind"], lines=lines, by=request.user)
        form.fields["reason"].required = True
        return self.render(form=form, tried=found, shown=found.told[:SHOWN])

    def perform(self, form: Any) -> str:
        template = actions.write_template(
            tier=self.kwargs["tier"],
            kind=self.kwargs["kind"],
            lines=self.formset.written(),
            setup=form.setup(),
            reason=form.cleaned_data["reason"],
            by=self.request.user,
        )
        return template.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        names = dict(TIERS), dict(KINDS)
        title = f"{names[0][self.kwargs['tier']]}: {names[1][self.kwargs['kind']].lower()}"
        return super().context(
            title=f"Template for {title[0].lower()}{title[1:]}",
            crumbs=crumbs(self.organization, Crumb("Templates", link(self.organization, "templates")), Crumb(title)),
            **more,
        )


class TemplateText(FormPage):
    """The template in force as YAML: to be copied, changed, tried, and put in force with a reason."""

    template_name = "validation/text.html"
    submit, form_class, done = "Put in force", TextForm, "Plans written from now on begin with it."

    def check(self) -> None:
        if self.kwargs["tier"] not in dict(TIERS) or self.kwargs["kind"] not in dict(KINDS):
            raise NotVisible()
        policies.check_write_template(self.request.user)

    def cancel_url(self) -> str:
        return back(self.request, link(self.organization, "templates"))

    def initial(self) -> dict[str, Any]:
        tier, kind = self.kwargs["tier"], self.kwargs["kind"]
        found = current(tier, kind)
        parts = (found.lines, found.setup) if found else (actions.built_in_lines(tier, kind), {})
        return {"text": texts.as_text(texts.of_template(tier, kind, *parts))}

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Put it in force, or only show which versions it would fail."""
        if "try" not in request.POST:
            return super().post(request, **kwargs)
        self.check()
        form = self.get_form(data=request.POST)
        form.fields["reason"].required = False
        if not form.is_valid():
            return self.render(form=form, status=422)
        try:
            found = texts.try_template(text=form.cleaned_data["text"], by=request.user)
        except Invalid as error:
            for sentence in (one for said in error.fields.values() for one in said):
                form.add_error("text", sentence)
            return self.render(form=form, status=422)
        form.fields["reason"].required = True
        return self.render(form=form, tried=found, shown=found.told[:SHOWN])

    def perform(self, form: Any) -> str:
        return texts.write_template(by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        tier, kind = dict(TIERS)[self.kwargs["tier"]], dict(KINDS)[self.kwargs["kind"]]
        return super().context(
            title="Template as text",
            lead=f"{tier}, {kind.lower()}. JSON is read as well.",
            crumbs=crumbs(self.organization, Crumb("Templates", link(self.organization, "templates")), Crumb("Text")),
            can_try=True,
            **more,
        )
