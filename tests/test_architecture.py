"""The rules of the house that no linter knows, held for whatever is added."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection

from apps.core.checks import check_walls
from apps.core.isolation import is_history, is_tenant_model

ROOT = Path(__file__).resolve().parent.parent
OURS = sorted(path for path in (ROOT / "apps").rglob("*.py") if "migrations" not in path.parts)

# Plumbing that holds no decision of anybody: its rows come and go with the work.
WITHOUT_HISTORY = {
    "work.Delivery": "a ledger: every attempt is a row of its own",
    "work.OutboxMessage": "delivered and done",
    "work.Job": "the runs it carries have their own records",
    "work.Message": "a mail is written once; only its delivery changes",
    "work.IdempotencyKey": "an answer kept for a repeated call",
    "organizations.Scope": "follows its project",
    "discussions.Notice": "an inbox line, read or not",
    "deployments.RoutingRevision": "a count that wakes the prediction servers",
    "deployments.ServerCounter": "counts of the prediction servers",
    "deployments.ServingReport": "what the prediction servers said last",
    "deployments.Traffic": "minutes added up from the predictions",
    "monitoring.Batch": "a ledger: a row is entered once, and counted once",
    "monitoring.Check": "what changes is a new revision, the former stay",
    "monitoring.ContentSample": "rows sampled by the hour",
    "monitoring.ExactCheck": "asked once and answered once, both on the record",
    "monitoring.Outcome": "a correction is a new row, the former stay",
    "monitoring.OutcomeDay": "outcomes added up by the day",
    "monitoring.Prediction": "one of millions, never changed",
    "monitoring.RefusedBatch": "a log of the newest, never changed",
    "monitoring.ServiceReading": "calls added up by the hour",
    "monitoring.State": "rows added up by the hour",
}
WITHOUT_ADMIN = {
    "work.OutboxMessage": "plumbing",
    "work.IdempotencyKey": "plumbing",
    "organizations.Scope": "shown as its project",
    "discussions.Notice": "a person's own inbox",
    "discussions.Mention": "shown in its comment",
    "audit.Head": "the last record says the same",
    "approvals.PolicyStep": "shown in its policy",
    "approvals.Conflict": "shown in its request",
    "deployments.RoutingRevision": "plumbing",
    "deployments.Traffic": "drawn on its endpoint's page",
}
DOORS = {
    "door_organization_by_key",
    "door_organizations_of",
    "door_portal_is_empty",
    "door_organizations_with_work",
    "door_routing_revisions",
}
# SECURITY DEFINER functions that are no doors: triggers that write as the owner.
TRIGGERS = {"audit_chain"}


def tenant_models():
    ours = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
    return [model for model in ours if is_tenant_model(model) and not is_history(model)]


def tree(path):
    return ast.parse(path.read_text())


@pytest.mark.django_db
def test_every_tenant_table_is_walled_and_every_reference_composite():
    assert check_walls(databases=["default"]) == []


@pytest.mark.django_db
def test_the_doors_are_exactly_these():
    with connection.cursor() as cursor:
        cursor.execute(
            "select proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
            "where nspname = 'public' and prosecdef"
        )
        assert {name for (name,) in cursor.fetchall()} - TRIGGERS == DOORS


@pytest.mark.django_db
def test_the_application_may_call_the_doors_and_owns_nothing():
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_class where relowner = current_user::regrole")
        assert cursor.fetchone() == (0,)


def test_every_domain_model_keeps_its_history():
    without = {
        model._meta.label
        for model in tenant_models()
        if not hasattr(model._meta, "simple_history_manager_attribute") and not getattr(model, "append_only", False)
    }
    assert without == set(WITHOUT_HISTORY)


def test_every_domain_model_is_in_the_auditors_admin():
    registered = {model._meta.label for model in admin.site._registry}
    assert {model._meta.label for model in tenant_models()} - registered == set(WITHOUT_ADMIN)


def test_the_admin_names_many_of_a_thing_as_people_do():
    wrong = re.compile(r"(?:[^aeiou]ys|[sx]s|chs|backs|traffics)$")
    plurals = {
        model._meta.label: str(model._meta.verbose_name_plural)
        for model in apps.get_models()
        if "apps." in model.__module__
    }
    assert {label: plural for label, plural in plurals.items() if wrong.search(plural)} == {}


def test_nothing_in_the_admin_can_be_changed():
    from apps.core.admin import AuditAdmin

    ours = {model._meta.label: shown for model, shown in admin.site._registry.items() if "apps." in model.__module__}
    assert {label for label, shown in ours.items() if not isinstance(shown, AuditAdmin)} == set()
    for shown in ours.values():
        assert not shown.has_add_permission(None)
        assert not shown.has_change_permission(None)
        assert not shown.has_delete_permission(None)


WRITERS = {"save", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "save_without_historical_record"}


def test_only_actions_write_tenant_rows():
    found = []
    for path in OURS:
        if not {path.stem, path.parent.name}.isdisjoint(
            {"views", "api", "forms", "admin", "receivers", "tasks", "urls"}
        ):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} .{node.func.attr}()")
    assert found == []


def test_actions_take_keywords_only():
    from apps.audit.actions import ACTIONS

    call_command("check")
    assert ACTIONS
    for name, function in ACTIONS.items():
        kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, name


def test_tasks_take_ids_only():
    from config.celery import app

    app.loader.import_default_modules()
    for name, task in app.tasks.items():
        if name.startswith("celery."):
            continue
        for parameter in inspect.signature(task.run, follow_wrapped=False).parameters.values():
            assert parameter.annotation in {str, inspect.Parameter.empty, "str", "UUID"}, f"{name}: {parameter}"


def test_every_module_every_model_and_every_action_is_documented():
    undocumented = []
    for path in OURS:
        if path.name == "__init__.py" or "commands" in path.parts:
            continue
        module = tree(path)
        if not ast.get_docstring(module):
            undocumented.append(str(path.relative_to(ROOT)))
        holders = {path.stem} if path.parent.parent.name == "apps" else {path.stem, path.parent.name}
        if holders & {"actions", "policies", "models"}:
            undocumented += [
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
                for node in module.body
                if isinstance(node, ast.FunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
                and not any("TextChoices" in ast.unparse(base) for base in getattr(node, "bases", []))
            ]
    assert undocumented == []


def test_heavy_libraries_are_not_imported_by_the_web_process():
    import subprocess
    import sys

    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings.test'; import django; django.setup();"
        "import config.urls; from django.urls import get_resolver; get_resolver().url_patterns;"
        "heavy = {'sklearn', 'typst', 'onnx', 'onnxruntime', 'lightgbm', 'skl2onnx', 'skops', 'scipy', 'py3langid'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout.strip().splitlines()[-1] == "[]"
