"""Pages of retraining, under /o/<organization>/retraining/."""

from django.urls import path

from apps.retraining import views

app_name = "retraining"
urlpatterns = [
    path("retraining/", views.RunList.as_view(), name="runs"),
    path("retraining/new/", views.Choose.as_view(), name="choose"),
    path("retraining/<slug:key>/", views.PolicyPage.as_view(), name="policy"),
    path("retraining/<slug:key>/policy/", views.WritePolicy.as_view(), name="write-policy"),
    path("retraining/<slug:key>/start/", views.Start.as_view(), name="start"),
    path("retraining/<slug:key>/<int:number>/", views.RunPage.as_view(), name="run"),
]
