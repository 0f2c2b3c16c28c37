"""Pages of monitoring, under /o/<organization>/monitoring/."""

from django.urls import path

from apps.monitoring import views

app_name = "monitoring"
ENDPOINT = "monitoring/endpoints/<slug:endpoint>/"
MONITOR = "monitoring/monitors/<uuid:pk>/"
CHANNEL = "monitoring/channels/<uuid:pk>/"
INCIDENT = "monitoring/incidents/<int:number>/"
urlpatterns = [
    path("monitoring/", views.Overview.as_view(), name="overview"),
    path(ENDPOINT, views.EndpointPage.as_view(), name="endpoint"),
    path(f"{ENDPOINT}features/<path:feature>/", views.FeaturePage.as_view(), name="feature"),
    path(f"{ENDPOINT}rows/", views.BatchList.as_view(), name="batches"),
    path(f"{ENDPOINT}performance/", views.PerformancePage.as_view(), name="performance"),
    path(f"{ENDPOINT}report/", views.ReportPage.as_view(), name="report"),
    path(f"{ENDPOINT}service/", views.ServicePage.as_view(), name="service"),
    path(f"{ENDPOINT}segments/", views.SegmentsPage.as_view(), name="segments"),
    path(f"{ENDPOINT}segments/new/", views.WatchColumn.as_view(), name="watch-column"),
    path("monitoring/segment-columns/<uuid:pk>/give-up/", views.GiveUpColumn.as_view(), name="give-up-column"),
    path(f"{ENDPOINT}value/", views.EndpointValue.as_view(), name="endpoint-value"),
    path(f"{ENDPOINT}value/set/", views.SetValues.as_view(), name="set-values"),
    path(f"{ENDPOINT}opinions/", views.FeedbackList.as_view(), name="feedback-list"),
    path(f"{ENDPOINT}predictions/<path:prediction>/", views.PredictionPage.as_view(), name="prediction"),
    path("monitoring/value/", views.PortfolioValue.as_view(), name="portfolio-value"),
    path("monitoring/value/<slug:project>/set/", views.SetProjectValues.as_view(), name="set-project-values"),
    path(f"{ENDPOINT}set-up/", views.SetUpUsual.as_view(), name="set-up"),
    path(f"{ENDPOINT}new-monitor/", views.CreateMonitor.as_view(), name="create-monitor"),
    path(f"{ENDPOINT}baseline/", views.MakeBaselineOfPeriod.as_view(), name="baseline-of-period"),
    path(f"{ENDPOINT}open-incident/", views.OpenIncident.as_view(), name="open-incident"),
    path(f"{ENDPOINT}feedback/", views.GiveFeedback.as_view(), name="give-feedback"),
    path("monitoring/rows/<uuid:pk>/", views.BatchPage.as_view(), name="batch"),
    path("monitoring/baselines/<uuid:pk>/", views.BaselinePage.as_view(), name="baseline"),
    path("monitoring/versions/<uuid:pk>/baseline/", views.MakeBaseline.as_view(), name="make-baseline"),
    path("monitoring/checks/<uuid:pk>/", views.CheckPage.as_view(), name="check"),
    path(MONITOR, views.MonitorPage.as_view(), name="monitor"),
    path(f"{MONITOR}run/", views.RunMonitor.as_view(), name="run-monitor"),
    path(f"{MONITOR}change/", views.ChangeMonitor.as_view(), name="change-monitor"),
    path(f"{MONITOR}pause/", views.PauseMonitor.as_view(), name="pause-monitor"),
    path(f"{MONITOR}resume/", views.ResumeMonitor.as_view(), name="resume-monitor"),
    path(f"{MONITOR}snooze/", views.SnoozeMonitor.as_view(), name="snooze-monitor"),
    path(f"{MONITOR}wake/", views.WakeMonitor.as_view(), name="wake-monitor"),
    path(f"{MONITOR}mute/", views.MuteSomething.as_view(), name="mute"),
    path("monitoring/mutes/<uuid:pk>/end/", views.Unmute.as_view(), name="unmute"),
    path("monitoring/checks/<uuid:pk>/accept/", views.AcceptWindow.as_view(), name="accept-window"),
    path("monitoring/channels/", views.ChannelList.as_view(), name="channels"),
    path("monitoring/channels/new/", views.CreateChannel.as_view(), name="create-channel"),
    path(CHANNEL, views.ChannelPage.as_view(), name="channel"),
    path(f"{CHANNEL}change/", views.ChangeChannel.as_view(), name="change-channel"),
    path(f"{CHANNEL}test/", views.TryChannel.as_view(), name="try-channel"),
    path(f"{CHANNEL}secret/", views.ChangeSecret.as_view(), name="change-secret"),
    path("monitoring/deliveries/<uuid:pk>/", views.DeliveryPage.as_view(), name="delivery"),
    path("monitoring/deliveries/<uuid:pk>/replay/", views.ReplayDelivery.as_view(), name="replay-delivery"),
    path("monitoring/plans/", views.WatchPlans.as_view(), name="watch-plans"),
    path("monitoring/plans/<slug:tier>/", views.WriteWatchPlan.as_view(), name="write-watch-plan"),
    path("monitoring/unwatched/", views.UnwatchedList.as_view(), name="unwatched"),
    path(f"{ENDPOINT}set-up-required/", views.SetUpRequired.as_view(), name="set-up-required"),
    path("monitoring/digest/<slug:choice>/", views.ChooseDigest.as_view(), name="choose-digest"),
    path("monitoring/incidents/", views.IncidentList.as_view(), name="incidents"),
    path(INCIDENT, views.IncidentPage.as_view(), name="incident"),
    path(f"{INCIDENT}investigate/", views.Investigate.as_view(), name="investigate"),
    path(f"{INCIDENT}write/", views.WriteEntry.as_view(), name="write-entry"),
    path(f"{INCIDENT}cause/", views.FindCause.as_view(), name="find-cause"),
    path(f"{INCIDENT}assign/", views.Assign.as_view(), name="assign"),
    path(f"{INCIDENT}resolve/", views.Resolve.as_view(), name="resolve"),
    path(f"{INCIDENT}dismiss/", views.Dismiss.as_view(), name="dismiss"),
]
