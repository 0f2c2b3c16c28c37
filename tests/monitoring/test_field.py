"""The field that other tests are played on leaves a row in every table of monitoring."""

from django.apps import apps

from apps.core.isolation import is_history, is_tenant_model


def test_field_fills_every_table(field):
    field.fill()
    tables = [model for model in apps.get_app_config("monitoring").get_models() if is_tenant_model(model)]
    assert [model.__name__ for model in tables if not model._default_manager.exists() and not is_history(model)] == []
