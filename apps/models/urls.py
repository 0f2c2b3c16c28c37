"""Pages of models, under /o/<organization>/models/."""

from django.urls import path

from apps.models.views import registry, training, versions

app_name = "models"
MODEL = "models/<slug:key>"
VERSION = f"{MODEL}/versions/<int:number>"
RUN = f"{MODEL}/runs/<int:number>"

urlpatterns = [
    path("models/", registry.ModelList.as_view(), name="models"),
    path("models/new/", registry.RegisterModel.as_view(), name="register"),
    path(f"{MODEL}/", registry.ModelPage.as_view(), name="model"),
    path(f"{MODEL}/edit/", registry.ChangeModel.as_view(), name="edit"),
    path(f"{MODEL}/train/", training.Train.as_view(), name="train"),
    path(f"{MODEL}/upload/", registry.Upload.as_view(), name="upload"),
    path(f"{MODEL}/names/", registry.Names.as_view(), name="names"),
    path(f"{MODEL}/names/set/", registry.SetAlias.as_view(), name="set-alias"),
    path(f"{MODEL}/names/<slug:name>/drop/", registry.DropAlias.as_view(), name="drop-alias"),
    path(f"{MODEL}/uploads/", registry.ArtifactList.as_view(), name="artifacts"),
    path(f"{MODEL}/uploads/<uuid:pk>/", registry.ArtifactPage.as_view(), name="artifact"),
    path(f"{MODEL}/uploads/<uuid:pk>/register/", registry.RegisterArtifact.as_view(), name="register-artifact"),
    path(f"{MODEL}/uploads/<uuid:pk>/download/", registry.DownloadArtifact.as_view(), name="download-artifact"),
    path(f"{MODEL}/runs/", training.RunList.as_view(), name="runs"),
    path(f"{MODEL}/runs/compare/", training.CompareRuns.as_view(), name="compare-runs"),
    path(f"{RUN}/", training.RunPage.as_view(), name="run"),
    path(f"{RUN}/live/", training.RunLive.as_view(), name="run-live"),
    path(f"{RUN}/cancel/", training.CancelRun.as_view(), name="cancel-run"),
    path(f"{RUN}/register/", training.RegisterRun.as_view(), name="register-run"),
    path(f"{MODEL}/versions/compare/", versions.CompareVersions.as_view(), name="compare-versions"),
    path(f"{VERSION}/", versions.VersionPage.as_view(), name="version"),
    path(f"{VERSION}/submit/", versions.SubmitVersion.as_view(), name="submit-version"),
    path(f"{VERSION}/request-approval/", versions.RequestApproval.as_view(), name="request-approval"),
    path(f"{VERSION}/return/", versions.ReturnVersion.as_view(), name="return-version"),
    path(f"{VERSION}/reject/", versions.RejectVersion.as_view(), name="reject-version"),
    path(f"{VERSION}/archive/", versions.ArchiveVersion.as_view(), name="archive-version"),
    path(f"{VERSION}/card/", versions.CardPage.as_view(), name="card"),
    path(f"{VERSION}/card/write/", versions.WriteCard.as_view(), name="write-card"),
    path(f"{VERSION}/card.md", versions.CardMarkdown.as_view(), name="card-markdown"),
    path(f"{VERSION}/card.json", versions.CardJson.as_view(), name="card-json"),
]
