"""Pages of projects, under /o/<organization>/projects/."""

from django.urls import include, path

from apps.projects.views import project, promise, risks

app_name = "projects"

of_one = [
    path("", project.ProjectPage.as_view(), name="project"),
    path("edit/", project.EditCharter.as_view(), name="edit"),
    path("request-approval/", project.RequestApproval.as_view(), name="request-approval"),
    path("hold/", project.PutOnHold.as_view(), name="hold"),
    path("resume/", project.Resume.as_view(), name="resume"),
    path("reopen/", project.Reopen.as_view(), name="reopen"),
    path("retire/", project.Retire.as_view(), name="retire"),
    path("assessment/", project.Assessment.as_view(), name="assessment"),
    path("assessment/new/", project.Assess.as_view(), name="assess"),
    path("metrics/new/", promise.NewMetric.as_view(), name="new-metric"),
    path("metrics/<uuid:pk>/", promise.MetricPage.as_view(), name="metric"),
    path("metrics/<uuid:pk>/edit/", promise.EditMetric.as_view(), name="edit-metric"),
    path("metrics/<uuid:pk>/remove/", promise.RemoveMetric.as_view(), name="remove-metric"),
    path("metrics/<uuid:pk>/values/new/", promise.NewReading.as_view(), name="new-reading"),
    path("requirements/new/", promise.NewRequirement.as_view(), name="new-requirement"),
    path("requirements/<uuid:pk>/edit/", promise.EditRequirement.as_view(), name="edit-requirement"),
    path("requirements/<uuid:pk>/remove/", promise.RemoveRequirement.as_view(), name="remove-requirement"),
    path("stakeholders/new/", promise.NewStakeholder.as_view(), name="new-stakeholder"),
    path("stakeholders/<uuid:pk>/remove/", promise.RemoveStakeholder.as_view(), name="remove-stakeholder"),
    path("risks/", risks.RiskRegister.as_view(), name="risks"),
    path("risks/new/", risks.NewRisk.as_view(), name="new-risk"),
    path("risks/<int:number>/", risks.RiskPage.as_view(), name="risk"),
    path("risks/<int:number>/edit/", risks.EditRisk.as_view(), name="edit-risk"),
    path("risks/<int:number>/accept/", risks.AcceptRisk.as_view(), name="accept-risk"),
    path("risks/<int:number>/close/", risks.CloseRisk.as_view(), name="close-risk"),
    path("risks/<int:number>/reopen/", risks.ReopenRisk.as_view(), name="reopen-risk"),
]

urlpatterns = [
    path("projects/", project.ProjectList.as_view(), name="projects"),
    path("projects/new/", project.NewProject.as_view(), name="new"),
    path("projects/<slug:project>/", include(of_one)),
]
