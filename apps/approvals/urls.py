"""Pages of approvals, under /o/<organization>/approvals/."""

from django.urls import path

from apps.approvals import views

app_name = "approvals"
urlpatterns = [
    path("approvals/", views.RequestList.as_view(), name="requests"),
    path("approvals/delegations/", views.Delegations.as_view(), name="delegations"),
    path("approvals/delegations/<uuid:pk>/revoke/", views.RevokeDelegation.as_view(), name="revoke-delegation"),
    path("approvals/policies/", views.PolicyList.as_view(), name="policies"),
    path("approvals/policies/new/", views.WritePolicy.as_view(), name="write-policy"),
    path("approvals/policies/<uuid:pk>/", views.PolicyPage.as_view(), name="policy"),
    path("approvals/<uuid:pk>/", views.RequestPage.as_view(), name="request"),
    path("approvals/<uuid:pk>/sign/", views.Sign.as_view(), name="sign"),
    path("approvals/<uuid:pk>/decline/", views.Decline.as_view(), name="decline"),
    path("approvals/<uuid:pk>/ask-for-changes/", views.AskForChanges.as_view(), name="ask-for-changes"),
    path("approvals/<uuid:pk>/withdraw/", views.Withdraw.as_view(), name="withdraw"),
]
