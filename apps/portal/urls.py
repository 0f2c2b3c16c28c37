"""Pages of the portal, under /o/<organization>/."""

from django.urls import path

from apps.portal.views import auditors, board, home, inbox, jobs, mails, reports, search

app_name = "portal"
urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("board/", board.Board.as_view(), name="board"),
    path("search/", search.Search.as_view(), name="search"),
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("inbox/read/", inbox.MarkRead.as_view(), name="inbox-read"),
    path("jobs/", jobs.JobList.as_view(), name="jobs"),
    path("jobs/<uuid:pk>/progress/", jobs.JobProgress.as_view(), name="job-progress"),
    path("jobs/<uuid:pk>/cancel/", jobs.CancelJob.as_view(), name="cancel-job"),
    path("mail/", mails.MailList.as_view(), name="mails"),
    path("mail/<uuid:pk>/", mails.MailPage.as_view(), name="mail"),
    path("mail/<uuid:pk>/html/", mails.MailHtml.as_view(), name="mail-html"),
    path("auditors/", auditors.Room.as_view(), name="auditors"),
    path("auditors/trail/", auditors.Trail.as_view(), name="trail"),
    path("auditors/trail/<int:sequence>/", auditors.Entry.as_view(), name="record"),
    path("auditors/verify/", auditors.Verify.as_view(), name="verify"),
    path("auditors/export/", auditors.Export.as_view(), name="export"),
    path("reports/", reports.Reports.as_view(), name="reports"),
    path("reports/inventory/", reports.Inventory.as_view(), name="inventory"),
    path("reports/decisions/", reports.Decisions.as_view(), name="decisions"),
]
