"""Pages of retirement, under /o/<organization>/retirement/."""

from django.urls import path

from apps.retirement.views import consumers, plans, steps

app_name = "retirement"
urlpatterns = [
    path("retirement/", plans.PlanList.as_view(), name="plans"),
    path("retirement/new/", plans.Choose.as_view(), name="choose"),
    path("retirement/new/<slug:key>/", plans.NewPlan.as_view(), name="new"),
    path("retirement/<int:number>/", plans.PlanPage.as_view(), name="plan"),
    path("retirement/<int:number>/change/", steps.Change.as_view(), name="change"),
    path("retirement/<int:number>/request-approval/", steps.RequestApproval.as_view(), name="request-approval"),
    path("retirement/<int:number>/notify/", steps.Notify.as_view(), name="notify"),
    path("retirement/<int:number>/drain/", steps.Drain.as_view(), name="drain"),
    path("retirement/<int:number>/measure/", steps.Measure.as_view(), name="measure"),
    path("retirement/<int:number>/turn-off/", steps.TurnOff.as_view(), name="turn-off"),
    path("retirement/<int:number>/archive/", steps.Archive.as_view(), name="archive"),
    path("retirement/<int:number>/close/", steps.Close.as_view(), name="close"),
    path("retirement/<int:number>/cancel/", steps.Cancel.as_view(), name="cancel"),
    path("retirement/<int:number>/report/", plans.Report.as_view(), name="report"),
    path("retirement/<int:number>/consumers/new/", consumers.AddConsumer.as_view(), name="add-consumer"),
    path("retirement/<int:number>/consumers/<uuid:pk>/", consumers.ConsumerPage.as_view(), name="consumer"),
    path(
        "retirement/<int:number>/consumers/<uuid:pk>/remove/",
        consumers.RemoveConsumer.as_view(),
        name="remove-consumer",
    ),
    path("retirement/<int:number>/held/<uuid:pk>/", plans.Held.as_view(), name="held"),
]
