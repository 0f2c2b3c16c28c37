"""Pages of discussions, under /o/<organization>/."""

from django.urls import path

from apps.discussions import views

app_name = "discussions"
urlpatterns = [path("comments/", views.Comment.as_view(), name="comment")]
