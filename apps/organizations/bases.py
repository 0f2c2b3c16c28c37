"""Bases of pages and API that fetch through the access door, so that a view never holds what may not be seen.

Pages: ListPage, ObjectPage, FormPage, ActionPage. API: Rows (a read-only viewset) and `verb` for its POST sub-paths.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.http import urlencode
from django.views import View
from rest_framework import serializers, viewsets
from rest_framework.decorators import action as drf_action
from rest_framework.response import Response

from apps.core import exports
from apps.core.errors import DomainError, IllegalMove, Invalid, NotVisible, ReauthenticationNeeded
from apps.core.web import back, see_other
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.work.once import Once, fresh

LABELS = {"csv": "CSV", "parquet": "Parquet"}
TYPED = "typed"  # in the session: where, and what, while the person shows who they are
Check = Callable[[Any, Any], Any]  # a policy: check_x(user, thing), which raises


def fetch[M: Model](queryset: QuerySet[M], user: Any, check: Check | None = None, /, **lookup: Any) -> M:
    """The one row, if the person may see it (else NotVisible), and do to it what the policy `check` is about."""
    try:
        found = access.visible(queryset, user).filter(**lookup).first()
    except (ValueError, TypeError, forms.ValidationError) as error:
        raise NotVisible() from error
    if found is None:
        raise NotVisible()
    if check is not None:
        check(user, found)
    return found


class TenantPage(View):
    """A page inside an organization. `organization` in the URL is consumed; the tenant is already open."""

    template_name = ""
    title = ""
    request: Any

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("organization", None)
        super().setup(request, *args, **kwargs)
        self.organization = request.organization  # type: ignore[attr-defined]

    def context(self, **more: Any) -> dict[str, Any]:
        """What the template gets; subclasses add to it."""
        return {"title": self.title, "view": self, **more}

    def render(self, status: int = 200, **more: Any) -> HttpResponse:
        return render(self.request, self.template_name, self.context(**more), status=status)


class ListPage(TenantPage):
    """A list: what may be seen, filtered, sorted, paged; `?format=csv` or `parquet` exports all of it.

    `orderings` maps what `?sort=` may say to a field; `columns` maps CSV headings to a field path or callable.
    """

    model: type[Model]
    filterset_class: Any = None
    orderings: dict[str, str] = {}
    default_ordering = "-id"
    columns: dict[str, str | Callable] = {}
    page_size = 50

    def get_queryset(self) -> QuerySet:
        """The rows before filtering; subclasses narrow and select_related."""
        return self.model._default_manager.all()

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        rows = access.visible(self.get_queryset(), request.user)
        filterset = self.filterset_class(request.GET, queryset=rows, request=request) if self.filterset_class else None
        if filterset is not None:
            rows = filterset.qs
        rows = rows.order_by(*self._ordering(request.GET.get("sort", "")))
        if request.GET.get("format") in exports.FORMATS and self.columns:
            return self._export(rows)
        page = Paginator(rows, self.page_size).get_page(request.GET.get("page"))
        files = [(label, with_format(request, name)) for name, label in LABELS.items()] if self.columns else []
        form = filterset.form if filterset is not None else None
        is_filtered = form is not None and any(request.GET.get(name) for name in form.fields)
        return self.render(page=page, filter_form=form, is_filtered=is_filtered, exports=files)

    def _ordering(self, asked: str) -> list[str]:
        field = self.orderings.get(asked.lstrip("-"))
        if field is None:
            return [self.default_ordering]
        return [f"-{field}" if asked.startswith("-") else field, "-id"]

    def _export(self, rows: QuerySet) -> HttpResponseBase:
        cells = [
            [column(row) if callable(column) else _follow(row, column) for column in self.columns.values()]
            for row in rows[: exports.MOST_ROWS]
        ]
        return exports.answer(self.title, list(self.columns), cells, self.request.GET["format"])


def with_format(request: HttpRequest, name: str) -> str:
    """The address of what a page shows as a file of this format."""
    query = request.GET.copy()
    query["format"] = name
    return f"?{query.urlencode()}"


def _follow(row: Any, path: str) -> Any:
    for step in path.split("__"):
        row = getattr(row, step, None)
    return row() if callable(row) else row


class ObjectMixin:
    """Finds the object of a page: `lookups` maps URL arguments to field paths."""

    model: type[Model]
    lookups: dict[str, str] = {"pk": "pk"}
    request: Any
    kwargs: dict

    def get_queryset(self) -> QuerySet:
        """Where the object is looked for; subclasses select_related."""
        return self.model._default_manager.all()

    def get_object(self) -> Any:
        """The object, fetched and authorised in one step."""
        wanted = {path: self.kwargs[name] for name, path in self.lookups.items()}
        return fetch(self.get_queryset(), self.request.user, **wanted)


class ObjectPage(ObjectMixin, TenantPage):
    """An object with its facts, actions and timeline. Subclasses override `context` and read `self.object`."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.object = self.get_object()
        return self.render()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"title": str(self.object), "object": self.object} | more))


class FormPage(TenantPage):
    """A form that ends in one action. Subclasses give `form_class` and `perform(form)`, which returns where to go.

    A domain error is shown at its fields, or above the form, with what was typed kept.
    """

    form_class: type[forms.BaseForm] = forms.Form
    template_name = "generic/form.html"
    submit = "Save"
    done = ""

    def check(self) -> None:
        """Raise where the form may not even be opened."""

    def get_form(self, **kwargs: Any) -> Any:
        return self.form_class(**kwargs)

    def initial(self) -> dict:
        return {}

    def cancel_url(self) -> str:
        return back(self.request, "../")

    def perform(self, form: Any) -> str:
        """Call the action with the form's values; return the URL to go to."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.check()
        form = self.get_form(initial=self.initial())
        _type_again(form, request)
        return self.render(form=form)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.check()
        form = self.get_form(data=request.POST, files=request.FILES, initial=self.initial())
        if not form.is_valid():
            return self.render(form=form, status=422)
        once = Once(request)
        if led_to := once.begin():
            return see_other(led_to)
        try:
            url = self.perform(form)
        except ReauthenticationNeeded:
            once.undone()
            request.session[TYPED] = [request.path, dict(request.POST.lists())]
            return confirm_it_is_you(request)
        except DomainError as error:
            once.undone()
            if isinstance(error, NotVisible):
                raise
            _show(form, error)
            return self.render(form=form, status=error.status)
        once.done(url)
        if self.done:
            messages.success(request, self.done)
        return see_other(url)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"submit": self.submit, "cancel_url": self.cancel_url(), "once": fresh()} | more))


def _type_again(form: Any, request: HttpRequest) -> None:
    """Fill in what was typed here before the person had to show who they are."""
    path, lists = request.session.get(TYPED, ("", {}))
    if path != request.path:
        return
    del request.session[TYPED]
    fields = MultiValueDict(lists)
    for name, field in form.fields.items():
        form.initial[name] = field.widget.value_from_datadict(fields, {}, form.add_prefix(name))


def _show(form: Any, error: DomainError) -> None:
    shown = False
    if isinstance(error, Invalid):
        for name, sentences in error.fields.items():
            for sentence in sentences:
                form.add_error(name if name in form.fields else None, sentence)
                shown = True
    if not shown:
        form.add_error(None, error.sentence)


class ObjectFormPage(ObjectMixin, FormPage):
    """A form about one object, which is fetched before anything else."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.object = self.get_object()

    def cancel_url(self) -> str:
        return back(self.request, self.object.get_absolute_url())

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"object": self.object} | more))


class ActionPage(ObjectMixin, TenantPage):
    """One POST, one verb on one object, then back. Subclasses give `perform()`; a refusal becomes a message.

    With `form_class` (see ObjectFormPage) use that instead: this one asks for nothing.
    """

    http_method_names = ["post"]
    done = ""

    def perform(self) -> str | None:
        """Call the action; return where to go, or None for where the person came from."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.object = self.get_object()
        home = getattr(self.object, "get_absolute_url", lambda: "/")()
        try:
            url = self.perform()
        except ReauthenticationNeeded:
            return confirm_it_is_you(request)
        except NotVisible:
            raise
        except DomainError as error:
            if not isinstance(error, IllegalMove | Invalid) and error.status == 403:
                raise
            messages.error(request, error.sentence)
            return see_other(back(request, home))
        if self.done:
            messages.success(request, self.done)
        return see_other(url or back(request, home))


def confirm_it_is_you(request: HttpRequest) -> HttpResponse:
    """Send the person to show again who they are, and then back to this page."""
    messages.info(request, "This decision is high risk: confirm who you are first.")
    return see_other(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")


class Rows(viewsets.ReadOnlyModelViewSet):
    """Base of the API's nouns: list and retrieve what may be seen. Writes are verbs or `create`, each one action.

    A write asks the policy of its action before it reads the body: `get_object(check)`, or where the thing is named in
    the body a check that looks for any such thing. Who may not is told so whatever they send.

    `model` and `related` (for select_related) say where rows come from; `lookups` maps URL arguments above the noun
    (as `key` in models/<key>/versions/) to field paths.
    """

    model: type[Model]
    related: tuple[str, ...] = ()
    lookups: dict[str, str] = {}

    def get_queryset(self) -> QuerySet:
        if getattr(self, "swagger_fake_view", False):
            return QuerySet(self.model).none()
        rows = (
            self.model._default_manager.select_related(*self.related)
            if self.related
            else self.model._default_manager.all()
        )
        wanted = {path: self.kwargs[name] for name, path in self.lookups.items() if name in self.kwargs}
        return access.visible(rows.filter(**wanted), self.request.user)

    def get_object(self, check: Check | None = None) -> Any:
        """The row of the address, if the person may see it and `check` lets them."""
        lookup = self.lookup_url_kwarg or self.lookup_field
        return fetch(self.get_queryset(), self.request.user, check, **{self.lookup_field: self.kwargs[lookup]})

    def given(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """The request's data, checked by a serializer."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, row: Any, status: int = 200) -> Response:
        """The row as this noun shows it."""
        return Response(self.get_serializer(row).data, status=status)


def verb(name: str, **options: Any) -> Callable:
    """A POST sub-path of one row, as `approvals/<id>/sign/`."""
    return drf_action(detail=True, methods=["post"], url_path=name, **options)


__all__ = [
    "ActionPage",
    "Check",
    "FormPage",
    "ListPage",
    "ObjectFormPage",
    "ObjectPage",
    "Permission",
    "Rows",
    "TenantPage",
    "confirm_it_is_you",
    "fetch",
    "verb",
]  # fmt: skip
