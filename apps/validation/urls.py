"""Pages of validation, under /o/<organization>/validation/."""

from django.urls import path

from apps.validation.views import (
    challenge,
    documents,
    findings,
    outside,
    own_checks,
    plans,
    reports,
    revalidation,
    rules,
    runs,
    templates,
)

app_name = "validation"
VERSION = "<slug:model>/<int:version>/"
ONE = f"{VERSION}<int:number>/"
SORT = "<slug:tier>/<slug:kind>/"
TOOL = "validation/outside-tools/<slug:key>/"

urlpatterns = [
    path("validation/", runs.RunList.as_view(), name="runs"),
    path(f"validation/runs/{ONE}", runs.RunPage.as_view(), name="run"),
    path(f"validation/runs/{ONE}report/", runs.Report.as_view(), name="report"),
    path(f"validation/runs/{ONE}report.pdf", reports.ReportFile.as_view(), name="report-file"),
    path(f"validation/runs/{ONE}signed.zip", reports.SignedFile.as_view(), name="signed-file"),
    path("validation/compare/", reports.ComparePage.as_view(), name="compare"),
    path(f"validation/runs/{ONE}cancel/", runs.CancelRun.as_view(), name="cancel-run"),
    path(f"validation/runs/{ONE}conclude/", runs.Conclude.as_view(), name="conclude"),
    path(f"validation/runs/{ONE}remark/", challenge.Remark.as_view(), name="remark"),
    path(f"validation/runs/{ONE}test/", challenge.AddTest.as_view(), name="add-test"),
    path(f"validation/runs/{ONE}check/", own_checks.AskCheck.as_view(), name="ask-check"),
    path("validation/challenges/<uuid:pk>/cancel/", own_checks.CancelOwnCheck.as_view(), name="cancel-own-check"),
    path("validation/challenges/<uuid:pk>/evidence/", challenge.Evidence.as_view(), name="challenge-evidence"),
    path("validation/aging/", revalidation.Aging.as_view(), name="aging"),
    path(f"validation/aging/{VERSION}ask/", revalidation.AskRevalidation.as_view(), name="ask-revalidation"),
    path("validation/revalidations/<uuid:pk>/", revalidation.RevalidationPage.as_view(), name="revalidation"),
    path("validation/revalidations/<uuid:pk>/defer/", revalidation.Defer.as_view(), name="defer"),
    path(f"validation/runs/{ONE}outside/<uuid:pk>/", outside.ReportResult.as_view(), name="report-result"),
    path(f"validation/runs/{ONE}outside/<uuid:pk>/evidence/", outside.Evidence.as_view(), name="evidence"),
    path("validation/outside-tools/", outside.ToolList.as_view(), name="outside-tools"),
    path("validation/outside-tools/new/", outside.AddTool.as_view(), name="add-tool"),
    path(TOOL, outside.ToolPage.as_view(), name="outside-tool"),
    path(f"{TOOL}secret/", outside.ChangeToolSecret.as_view(), name="change-tool-secret"),
    path(f"{TOOL}retire/", outside.RetireTool.as_view(), name="retire-tool"),
    path("validation/plans/", plans.PlanList.as_view(), name="plans"),
    path(f"validation/plans/{VERSION}write/", plans.WritePlan.as_view(), name="write-plan"),
    path(f"validation/plans/{ONE}", plans.PlanPage.as_view(), name="plan"),
    path(f"validation/plans/{ONE}text/", documents.PlanText.as_view(), name="plan-text"),
    path(f"validation/plans/{VERSION}document/", documents.AddDocument.as_view(), name="add-document"),
    path("validation/documents/<uuid:pk>/", documents.DocumentFile.as_view(), name="document"),
    path(f"validation/plans/{ONE}change/", plans.ChangePlan.as_view(), name="change-plan"),
    path(f"validation/plans/{ONE}signature/", plans.AskSignature.as_view(), name="ask-signature"),
    path(f"validation/plans/{ONE}lock/", plans.LockPlan.as_view(), name="lock-plan"),
    path(f"validation/plans/{ONE}run/", runs.StartRun.as_view(), name="start-run"),
    path("validation/findings/", findings.FindingList.as_view(), name="findings"),
    path(f"validation/findings/{VERSION}raise/", findings.RaiseFinding.as_view(), name="raise-finding"),
    path(f"validation/findings/{ONE}", findings.FindingPage.as_view(), name="finding"),
    path(f"validation/findings/{ONE}assign/", findings.Assign.as_view(), name="assign"),
    path(f"validation/findings/{ONE}plan/", findings.PlanWork.as_view(), name="plan-work"),
    path(f"validation/findings/{ONE}ready/", findings.MarkReady.as_view(), name="mark-ready"),
    path(f"validation/findings/{ONE}retest/", findings.Retest.as_view(), name="retest"),
    path(f"validation/findings/{ONE}close/", findings.CloseFinding.as_view(), name="close-finding"),
    path(f"validation/findings/{ONE}waive/", findings.RequestWaiver.as_view(), name="request-waiver"),
    path("validation/waivers/", findings.WaiverList.as_view(), name="waivers"),
    path("validation/waivers/<uuid:pk>/revoke/", findings.RevokeWaiver.as_view(), name="revoke-waiver"),
    path("validation/checks/", plans.CheckList.as_view(), name="checks"),
    path("validation/rules/", rules.RulesPage.as_view(), name="rules"),
    path("validation/rules/write/", rules.WriteRules.as_view(), name="write-rules"),
    path("validation/templates/", plans.TemplateList.as_view(), name="templates"),
    path(f"validation/templates/{SORT}write/", templates.WriteTemplate.as_view(), name="write-template"),
    path(f"validation/templates/{SORT}text/", templates.TemplateText.as_view(), name="template-text"),
    path(f"validation/templates/{SORT}<int:number>/", plans.TemplatePage.as_view(), name="template"),
]
