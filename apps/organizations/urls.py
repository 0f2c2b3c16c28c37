"""Pages about people, under /o/<organization>/."""

from django.urls import path

from apps.organizations import views

app_name = "organizations"
urlpatterns = [
    path("join/<str:token>/", views.Join.as_view(), name="join"),
    path("people/", views.MemberList.as_view(), name="members"),
    path("people/invite/", views.Invite.as_view(), name="invite"),
    path("people/invitations/<uuid:pk>/revoke/", views.RevokeInvitation.as_view(), name="revoke-invitation"),
    path("people/<uuid:pk>/role/", views.ChangeRole.as_view(), name="change-role"),
    path("people/<uuid:pk>/deactivate/", views.LetGo.as_view(), name="let-go"),
    path("people/roles/", views.RoleMatrix.as_view(), name="roles"),
    path("people/profile/", views.Profile.as_view(), name="profile"),
    path("teams/", views.TeamList.as_view(), name="teams"),
    path("teams/new/", views.CreateTeam.as_view(), name="create-team"),
    path("teams/members/<uuid:pk>/remove/", views.RemoveFromTeam.as_view(), name="remove-from-team"),
    path("teams/<slug:key>/", views.TeamPage.as_view(), name="team"),
    path("teams/<slug:key>/add/", views.AddToTeam.as_view(), name="add-to-team"),
    path("tokens/", views.Tokens.as_view(), name="tokens"),
    path("tokens/<uuid:pk>/revoke/", views.RevokeToken.as_view(), name="revoke-token"),
    path("service-accounts/", views.ServiceAccounts.as_view(), name="service-accounts"),
    path("service-accounts/<uuid:pk>/token/", views.ServiceToken.as_view(), name="service-token"),
    path("roles/<uuid:pk>/", views.ProjectPeople.as_view(), name="project-people"),
    path("roles/<uuid:pk>/give/", views.AssignRole.as_view(), name="assign-role"),
    path("roles/<uuid:pk>/grant/", views.GrantPermission.as_view(), name="grant"),
    path("roles/assignments/<uuid:pk>/take/", views.RevokeRole.as_view(), name="revoke-role"),
    path("roles/grants/<uuid:pk>/take/", views.RevokeGrant.as_view(), name="revoke-grant"),
]
