"""Bases of every model that belongs to an organization."""

from typing import Any

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from apps.core import tenancy
from apps.core.ids import uuid7


class TenantQuerySet(models.QuerySet):
    """Reads within the ambient organization; refuses writes that would leave no history."""

    def _tracked(self) -> bool:
        return hasattr(self.model, "history_model_of") or hasattr(self.model, "history")

    def update(self, **values: Any) -> int:
        if self._tracked():
            raise TypeError(
                f"update() writes no history for {self.model.__name__}: change the rows with save() in an action."
            )
        return super().update(**values)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list:
        if self._tracked():
            raise TypeError(f"bulk_create() writes no history for {self.model.__name__}: save() the rows in an action.")
        objs = list(objs)
        for row in objs:
            row.organization_id = row.organization_id or tenancy.current()
        return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs: Any, *args: Any, **kwargs: Any) -> int:
        if self._tracked():
            raise TypeError(f"bulk_update() writes no history for {self.model.__name__}: save() the rows in an action.")
        return super().bulk_update(objs, *args, **kwargs)


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """Fails closed: outside a tenant it raises instead of returning rows."""

    def get_queryset(self) -> TenantQuerySet:
        return super().get_queryset().filter(organization_id=tenancy.current())


class TenantForeignKey(models.ForeignKey):
    """A foreign key that cannot leave the tenant.

    The constraint is the composite one (organization, key) that `Isolate` adds; a plain one would see through
    row-level security and accept another tenant's key.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)


class TenantOneToOneField(models.OneToOneField):
    """A one-to-one that cannot leave the tenant; see TenantForeignKey."""

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)


class TenantModel(models.Model):
    """A row of one organization. The organization is the ambient one and never changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        "organizations.Organization", on_delete=models.PROTECT, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    objects = TenantManager()

    # Path from a row to the project it belongs to, as in "dataset__project"; "" when the row is the project itself;
    # None when it belongs to the organization as a whole. apps.organizations.access reads it.
    project_path: str | None = None
    # Whether the path may end nowhere: such rows belong to the organization as a whole.
    project_optional = False

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.organization_id is None:
            self.organization_id = tenancy.current()
        super().save(*args, **kwargs)


class AppendOnlyModel(TenantModel):
    """Rows that are written once. The application role is not granted UPDATE or DELETE (see Isolate)."""

    append_only = True

    class Meta(TenantModel.Meta):
        abstract = True


class TenantHistory(models.Model):
    """Base of history rows: bound to the tenant like what they remember, and append-only."""

    append_only = True
    history_model_of = True

    class Meta:
        abstract = True


class History(HistoricalRecords):
    """`history = History()` on a tenant model keeps every version of each row, inside the tenant's walls.

    People are deactivated, never deleted, so the history's user needs no constraint that would want an UPDATE.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("bases", [TenantHistory])
        kwargs.setdefault("user_model", settings.AUTH_USER_MODEL)
        kwargs.setdefault("user_db_constraint", False)
        kwargs.setdefault("history_change_reason_field", models.TextField(null=True))
        kwargs.setdefault("cascade_delete_history", False)
        super().__init__(**kwargs)
