"""Progress of long work, under /o/<organization>/."""

from django.urls import path

from apps.work import views

urlpatterns = [path("jobs/<uuid:pk>/progress/", views.progress, name="job-progress")]
