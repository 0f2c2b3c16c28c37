"""The one address of validation outside of any account: answers of tools that were called."""

from django.urls import path

from apps.validation import api

app_name = "validation-answers"
urlpatterns = [path("answers/<slug:organization>/<uuid:pk>/", api.Answer.as_view(), name="answer")]
