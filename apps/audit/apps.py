"""Audit: who decided what, when and why, in a chain that cannot be changed unseen."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"
    label = "audit"
