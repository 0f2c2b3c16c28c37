"""Pages of deployments, under /o/<organization>/endpoints/."""

from django.urls import path

from apps.deployments import views

app_name = "deployments"
urlpatterns = [
    path("endpoints/", views.EndpointList.as_view(), name="endpoints"),
    path("endpoints/new/", views.CreateEndpoint.as_view(), name="create-endpoint"),
    path("endpoints/gate/", views.GatePage.as_view(), name="gate"),
    path("endpoints/history/", views.HistoryPage.as_view(), name="history"),
    path("endpoints/environments/", views.EnvironmentList.as_view(), name="environments"),
    path("endpoints/environments/new/", views.CreateEnvironment.as_view(), name="create-environment"),
    path("endpoints/environments/<slug:key>/", views.EnvironmentPage.as_view(), name="environment"),
    path("endpoints/<slug:key>/", views.EndpointPage.as_view(), name="endpoint"),
    path("endpoints/<slug:key>/predictions/", views.PredictionList.as_view(), name="predictions"),
    path("endpoints/<slug:key>/versions/<int:number>/", views.ChangeVersion.as_view(), name="change-version"),
    path("endpoints/<slug:key>/deployments/<int:number>/", views.DeploymentPage.as_view(), name="deployment"),
    path("endpoints/<slug:key>/deployments/<int:number>/carry-out/", views.CarryOut.as_view(), name="carry-out"),
    path("endpoints/<slug:key>/deployments/<int:number>/drop/", views.Drop.as_view(), name="drop"),
    path("endpoints/<slug:key>/roll-back/", views.RollBack.as_view(), name="roll-back"),
    path("endpoints/<slug:key>/drain/", views.Drain.as_view(), name="drain"),
    path("endpoints/<slug:key>/resume/", views.Resume.as_view(), name="resume"),
    path("endpoints/<slug:key>/turn-off/", views.TurnOff.as_view(), name="turn-off"),
]
