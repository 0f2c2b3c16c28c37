"""Tools outside of Tenure, the form for a result that somebody brings, and its evidence."""

from typing import Any

from django.http import FileResponse, HttpRequest

from apps.core import files
from apps.core.pages import Action, Crumb, refusal
from apps.core.uploads import refuse_too_large
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, FormPage, ListPage, ObjectFormPage, ObjectMixin, ObjectPage, TenantPage
from apps.validation import actions, policies
from apps.validation.forms import ReportForm, ToolForm
from apps.validation.models import OutsideAnswer, OutsideTool
from apps.validation.views.shared import crumbs, link, tabs, version_crumbs
from apps.work import deliveries

OF_RUN = {
    "model": "run__version__model__key",
    "version": "run__version__number",
    "number": "run__number",
    "pk": "pk",
}
BESIDE = (
    "organization",
    "check_line",
    "run__organization",
    "run__version__organization",
    "run__version__model__project",
    "run__version__model__organization",
)


class ToolList(ListPage):
    """The services that plans may call."""

    template_name = "validation/tool_list.html"
    title = "Outside tools"
    model = OutsideTool
    orderings = {"key": "key"}
    default_ordering = "key"
    columns = {"Key": "key", "Name": "name", "Called at": "destination__shown", "In use": "is_active"}

    def get_queryset(self) -> Any:
        return OutsideTool.objects.select_related("organization", "destination", "added_by")

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_manage_tools, self.request.user)
        lead = "Services of yours that look at a version when a plan says so. They are called by a signed webhook."
        add = Action("Add a tool", link(self.organization, "add-tool"), method="get", refused=refused)
        return super().context(tabs=tabs(self.organization, "outside-tools"), lead=lead, primary=add, **more)


class OfTool(ObjectMixin):
    """A page about one tool."""

    model = OutsideTool
    lookups = {"key": "key"}

    def get_queryset(self) -> Any:
        return OutsideTool.objects.select_related("organization", "destination", "added_by")


class ToolPage(OfTool, ObjectPage):
    """One tool: where it is called, what signs the calls, and what it was asked last."""

    template_name = "validation/tool.html"

    def context(self, **more: Any) -> dict[str, Any]:
        tool = self.object
        refused = refusal(policies.check_manage_tools, self.request.user)
        return super().context(
            crumbs=crumbs(
                self.organization, Crumb("Outside tools", link(self.organization, "outside-tools")), Crumb(str(tool))
            ),
            primary=Action(
                "New signing secret",
                link(self.organization, "change-tool-secret", tool.key),
                refused=refused,
                confirm="The former secret signs beside the new one for a day. Make a new one?",
            ),
            actions=[
                Action(
                    "Retire",
                    link(self.organization, "retire-tool", tool.key),
                    refused=refusal(policies.check_retire_tool, self.request.user, tool),
                    confirm="No new plan can call it. Retire it?",
                )
            ],
            secret="" if refused else deliveries.secret_of(tool.destination),
            timeline=timeline.of(tool),
            **more,
        )


class AddTool(FormPage):
    """Name a service that plans may call."""

    title, submit, form_class = "Add an outside tool", "Add", ToolForm
    done = "It is there. Give its signing secret to whoever runs it."

    def check(self) -> None:
        policies.check_manage_tools(self.request.user)

    def cancel_url(self) -> str:
        return link(self.organization, "outside-tools")

    def perform(self, form: Any) -> str:
        return actions.add_tool(by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        above = Crumb("Outside tools", link(self.organization, "outside-tools"))
        return super().context(crumbs=crumbs(self.organization, above, Crumb(self.title)), **more)


class ChangeToolSecret(OfTool, ActionPage):
    """Sign with another secret from now on."""

    done = "There is a new secret. The former one signs beside it for a day."

    def perform(self) -> None:
        actions.change_tool_secret(tool=self.object, by=self.request.user)


class RetireTool(OfTool, ActionPage):
    """Have it called no more."""

    done = "No new plan can call it."

    def perform(self) -> None:
        actions.retire_tool(tool=self.object, by=self.request.user)


class OfAnswer(ObjectMixin):
    """A page about one line of a run that is answered from outside."""

    model = OutsideAnswer
    lookups = OF_RUN

    def get_queryset(self) -> Any:
        return OutsideAnswer.objects.select_related(*BESIDE)


class ReportResult(OfAnswer, ObjectFormPage):
    """Bring the result of another tool."""

    title, submit, form_class = "Report a result", "Report", ReportForm
    done = "It is kept with its evidence, and marked as reported, not measured."

    def check(self) -> None:
        policies.check_report(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        refuse_too_large(self.request)
        said = dict(form.cleaned_data)
        file = said.pop("file")
        actions.report_result(awaited=self.object, said=said, file=file, by=self.request.user)
        return str(self.object.get_absolute_url())

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object.run
        trail = version_crumbs(
            self.organization,
            run.version,
            Crumb(f"Validation {run.number}", run.get_absolute_url()),
            Crumb(self.title),
        )
        return super().context(lead=str(self.object), crumbs=trail, **more)


class Evidence(OfAnswer, TenantPage):
    """The file that the tool wrote, to keep; never shown in the page."""

    def get(self, request: HttpRequest, **kwargs: Any) -> FileResponse:
        answer = self.get_object()
        return files.attachment(answer, answer.file, answer.sha256, answer.file_name)
