"""Pages of datasets, under /o/<organization>/datasets/."""

from django.urls import path

from apps.datasets import views

app_name = "datasets"
VERSION = "datasets/<slug:key>/versions/<int:number>/"
urlpatterns = [
    path("datasets/", views.DatasetList.as_view(), name="datasets"),
    path("datasets/new/", views.NewDataset.as_view(), name="new"),
    path("datasets/sources/", views.SourceList.as_view(), name="sources"),
    path("datasets/sources/new/", views.NewSource.as_view(), name="new-source"),
    path("datasets/sources/<slug:key>/", views.SourcePage.as_view(), name="source"),
    path("datasets/sources/<slug:key>/change/", views.ChangeSource.as_view(), name="change-source"),
    path("datasets/<slug:key>/", views.DatasetPage.as_view(), name="dataset"),
    path("datasets/<slug:key>/change/", views.ChangeDataset.as_view(), name="change"),
    path("datasets/<slug:key>/upload/", views.Upload.as_view(), name="upload"),
    path("datasets/<slug:key>/reference/", views.Reference.as_view(), name="reference"),
    path("datasets/<slug:key>/rules/", views.Rules.as_view(), name="rules"),
    path("datasets/<slug:key>/rules/add/", views.AddRule.as_view(), name="add-rule"),
    path("datasets/<slug:key>/rules/<int:number>/end/", views.EndRule.as_view(), name="end-rule"),
    path("datasets/<slug:key>/preparations/<int:number>/", views.PreparationPage.as_view(), name="preparation"),
    path(VERSION, views.VersionPage.as_view(), name="version"),
    path(f"{VERSION}read-again/", views.ReadAgain.as_view(), name="read-again"),
    path(f"{VERSION}prepare/", views.NewPreparation.as_view(), name="prepare"),
    path(f"{VERSION}check-quality/", views.CheckQuality.as_view(), name="check-quality"),
    path(f"{VERSION}sign-off/", views.RequestSignOff.as_view(), name="sign-off"),
    path(f"{VERSION}reject/", views.Reject.as_view(), name="reject"),
    path(f"{VERSION}split/", views.NewSplit.as_view(), name="split-version"),
    path(f"{VERSION}splits/<int:split>/", views.SplitPage.as_view(), name="split"),
    path(f"{VERSION}download/<slug:what>/", views.Download.as_view(), name="download"),
]
