"""Saved views: a person keeps a list as he likes to see it; nobody sees another's. 保存的视图."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from kunyu.engines.pages.errors import TooManyViews
from kunyu.engines.pages.models import SavedView
from kunyu.engines.pages.person import person_of
from kunyu.engines.pages.settings import pages_settings
from kunyu.engines.pages.words import pick


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the list's question under a name; the same name again replaces it."""
    person = person_of(request)
    if person is None:
        return redirect(settings.LOGIN_URL)
    listing = request.POST.get("listing", "")[:60]
    title = request.POST.get("title", "").replace("\0", "").strip()[:40]
    query = _query(request.POST.get("query", ""))
    path = _local(request)
    if not title:
        messages.error(request, pick(("请给视图起个名字。", "Give the view a name.")), extra_tags="danger")
        return redirect(path + query)
    mine = SavedView.objects.filter(user_id=person, listing=listing)
    most = pages_settings().views_per_list
    if not mine.filter(title=title).exists() and mine.count() >= most:
        raise TooManyViews(
            f"每个列表最多保存 {most} 个视图，请先删除不用的。", f"A list keeps {most} views at most; delete one first."
        )
    SavedView.objects.update_or_create(user_id=person, listing=listing, title=title, defaults={"query": query})
    return redirect(path + query)


@require_POST
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget one's own view; another's is not there."""
    person = person_of(request)
    if person is None:
        return redirect(settings.LOGIN_URL)
    count, _ = SavedView.objects.filter(pk=view_id, user_id=person).delete()
    if not count:
        raise Http404
    return redirect(_local(request))


def _query(text: str) -> str:
    """The question without place and format, written anew, so that nothing but a query string is kept."""
    given = QueryDict(text.replace("\0", "").lstrip("?")[:1500], mutable=True)
    for name in ("page", "format"):
        given.pop(name, None)
    return ("?" + given.urlencode())[:2000]


def _local(request: HttpRequest) -> str:
    path = request.POST.get("path", "")
    safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, None)
    return path.partition("?")[0] if safe else "/"
