"""The organisation drawn as a tree with its posts and who holds them, with search. 组织图."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kunyu.engines.pages.words import pick
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import managing
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.admin_pages.sections import system_page
from kunyu.engines.security.admin_pages.units import HERE, address
from kunyu.engines.security.models import Appointment, Post
from kunyu.engines.security.scope import Principal

MOST_UNITS = 3_000
OPEN_DEPTH = 3  # deeper branches are folded until asked for, or until a search finds something in them


@dataclass
class Branch:
    """One unit in the drawing. ``found``: the search is about it or about something in it."""

    unit: Organisation
    posts: list[tuple[Post, list[str]]] = field(default_factory=list)
    below: list[Branch] = field(default_factory=list)
    found: bool = False
    marked: bool = False


def forest(principal: Principal, words: str) -> tuple[list[Branch], int, int]:
    """Open units under the administrator as trees; how many match, how many were left out for their number.

    Three queries, whatever the size.
    """
    rows = managing.units(principal).filter(closed_on=None)
    units = list(rows.order_by("path")[:MOST_UNITS])
    left_out = max(0, rows.count() - MOST_UNITS) if len(units) == MOST_UNITS else 0
    branches = {one.pk: Branch(one) for one in units}
    holders = _holders(branches)
    for post in Post.objects.filter(organisation__in=branches, closed_on=None).order_by("pk"):
        branches[post.organisation_id].posts.append((post, holders[post.pk]))
    roots: list[Branch] = []
    for one in sorted(units, key=lambda unit: (unit.path.count("/"), unit.position, unit.pk)):
        above = branches.get(one.parent_id or 0)
        (above.below if above else roots).append(branches[one.pk])
    matches = sum(_mark(one, words.split()) for one in roots) if words else 0
    return roots, matches, left_out


def _holders(branches: dict[int, Branch]) -> dict[int, list[str]]:
    today = timezone.localdate()
    running = Appointment.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=today), starts_on__lte=today, post__organisation__in=branches
    )  # fmt: skip
    found: dict[int, list[str]] = defaultdict(list)
    for post, name, acting in running.order_by("pk").values_list("post_id", "user__name_zh", "is_acting"):
        found[post].append(name + ("（代）" if acting else ""))
    return found


def _mark(branch: Branch, words: list[str]) -> int:
    """Mark what every word is found in; branches above a match are opened."""
    texts = [branch.unit.name_zh, branch.unit.name_en, branch.unit.code]
    texts += [text for post, names in branch.posts for text in (post.name_zh, *names)]
    text = " ".join(texts).casefold()
    branch.marked = all(word.casefold() in text for word in words)
    count = sum(_mark(one, words) for one in branch.below) + int(branch.marked)
    branch.found = count > 0
    return count


def drawn(branches: list[Branch], depth: int = 1, *, searching: bool = False) -> SafeString:
    """The nested list; lines are drawn by the stylesheet."""
    shown = [one for one in branches if one.found or not searching]
    items = format_html_join("", "<li>{}</li>", ((_item(one, depth, searching),) for one in shown))
    return format_html('<ul class="ky-chart">{}</ul>', items) if shown else SafeString("")


def _item(branch: Branch, depth: int, searching: bool) -> SafeString:
    unit = branch.unit
    called = pick((unit.name_zh, unit.name_en))
    name = format_html("<mark>{}</mark>", called) if branch.marked else format_html("{}", called)
    code = format_html('<span class="ky-code">{}</span>', unit.code)
    posts = format_html_join("", "<li>{}</li>", ((_post(post, names),) for post, names in branch.posts))
    inside = format_html('<ul class="ky-chart-posts">{}</ul>', posts) if branch.posts else SafeString("")
    below = drawn(branch.below, depth + 1, searching=searching)
    if not branch.posts and not below:
        return format_html('<div class="ky-chart-leaf"><a href="{}">{}</a> {}</div>', address(unit), name, code)
    # the link stands beside the fold, not in it: two things to press in one are lost on screen readers
    go = format_html('<a class="ky-chart-go" href="{}" aria-label="{} {}">{}</a>', address(unit), pick(("打开", "Open")),
                     called, pick(("打开", "Open")))  # fmt: skip
    state = SafeString(" open") if searching or depth <= OPEN_DEPTH else SafeString("")
    return format_html("{}<details{}><summary>{} {}</summary>{}{}</details>", go, state, name, code, inside, below)


def _post(post: Post, names: list[str]) -> SafeString:
    who = "、".join(names) or pick(("空缺", "vacant"))
    css = "" if names else "text-secondary"
    return format_html('<a href="/admin/posts/{}/">{}</a> <span class="{}">{}</span>', post.pk,
                       pick((post.name_zh, post.name_en)), css, who)  # fmt: skip


@system_page
def page(request: HttpRequest) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    words = request.GET.get("q", "").replace("\0", "").strip()[:80]
    roots, matches, left_out = forest(principal, words)
    context = {
        "chart": drawn(roots, searching=bool(words)), "words": words, "matches": matches, "left_out": left_out,
        "tabs": sections.tabs(principal, f"{HERE}chart"), "shown_at_most": MOST_UNITS,
    }  # fmt: skip
    return render(request, "security/admin/chart.html", context)
