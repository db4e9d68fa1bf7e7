"""Pages of the worklist: tasks, notifications and what one wants to be told, incidents. 待办、通知、事件页面."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kunyu.engines.pages import rendering
from kunyu.engines.pages.record import Crumb, Event, Fact, Record, Tab
from kunyu.engines.pages.words import pick
from kunyu.engines.reference.naming import division_cell
from kunyu.engines.security import duties
from kunyu.engines.security.headers import events_origin
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.services import find_user
from kunyu.engines.security.session import login_needed
from kunyu.engines.worklist import incidents, lists, notices, queries, sending, services
from kunyu.engines.worklist.audience import people_who_hold
from kunyu.engines.worklist.models import Channel, Incident, Message, Task
from kunyu.engines.worklist.settings import worklist_settings
from kunyu.kernel.errors import KunyuError


def worklist_context(request: HttpRequest) -> dict[str, object]:
    """For every template: where the page's EventSource connects; '' where it must ask every 20 seconds."""
    return {"events_address": events_address(request)}


def events_address(request: HttpRequest) -> str:
    """The address of the events process as this browser reaches it; '' for none."""
    origin = events_origin(request)
    return f"{origin}/events" if origin else str(settings.KUNYU_EVENTS_ADDRESS)


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _back(request: HttpRequest, otherwise: str) -> str:
    wanted = request.POST.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}) else otherwise


def _try(request: HttpRequest, act: Callable[[], Any], done: tuple[str, str]) -> bool:
    """Do it and say so, or say why not; a refusal is shown on the page one came from."""
    try:
        act()
    except KunyuError as error:
        messages.error(request, pick((error.detail_zh, error.detail_en)), extra_tags="danger")
        return False
    messages.success(request, pick(done), extra_tags="success")
    return True


# -- tasks ----------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def tasks(request: HttpRequest, which: str = "mine") -> HttpResponseBase:
    """One of the lists of tasks, with buttons on its rows."""
    principal = _principal(request)
    listing = lists.tasks(principal, which)
    counts = {"mine": queries.my_tasks(principal).count(), "claimable": queries.claimable_tasks(principal).count()}
    tabs = [
        Tab(lists.tasks_title(one), "/tasks/" if one == "mine" else f"/tasks/{one}/", one == which, counts.get(one))
        for one in lists.TASK_LISTS
    ]
    return rendering.render(request, listing, "worklist/tasks.html", tabs=tabs, act_form=lists.ACT_FORM)


@require_safe
@login_needed
def task(request: HttpRequest, task_id: int) -> HttpResponse:
    """One task: its matter, its limit, its history, and what one may do with it."""
    principal = _principal(request)
    found = services.visible_task(principal, task_id)
    notices.mark_read_about(principal, request.path)
    acts = queries.acts_on(principal, found)
    people = queries.takers(found) if {"assign", "hand_over"} & set(acts) else []
    context = {
        "record": _task_record(found),
        "task": found,
        "acts": acts,
        "people": [one for one in people if one.pk != found.assignee_id],
    }
    return render(request, "worklist/task.html", context)


def _task_record(task: Task) -> Record:
    kind = queries.kind_of(task)
    due = lists.due_cell(task)
    facts = [
        Fact(("类型", "Kind"), (kind.name_zh, kind.name_en)),
        Fact(("状态", "State"), (task.get_state_display(), task.state)),
        Fact(("办理人", "With"), str(task.assignee) if task.assignee else None),
        Fact(("区划", "Division"), division_cell(task.division_code)),
        Fact(("时限", "Due"), due if due and task.closed_at is None else task.due_on),
        Fact(("产生", "Made"), task.created_at, "time"),
    ]
    if task.closed_at:
        facts += [Fact(("结束", "Closed"), task.closed_at, "time"), Fact(("说明", "Note"), task.note)]
    return Record(
        title=(task.title_zh, task.title_en),
        crumbs=(Crumb(("待办", "Tasks"), "/tasks/"), Crumb((task.title_zh, task.title_en))),
        facts=tuple(facts),
        history=tuple(
            Event(
                one.at, one.actor, (one.get_act_display(), one.act.replace("_", " ")),
                " ".join(filter(None, [f"→ {one.to_user}" if one.to_user else "", one.reason])),
            )
            for one in task.events.select_related("to_user").order_by("id")
        ),
    )  # fmt: skip


_DONE_WORDS = {
    "claim": ("已领取。", "Claimed."), "release": ("已退回，可由他人领取。", "Given back to all who may take it."),
    "complete": ("已办结。", "Done."), "hand_over": ("已移交。", "Handed over."), "assign": ("已指派。", "Assigned."),
    "cancel": ("已撤销。", "Withdrawn."),
}  # fmt: skip


@require_POST
@login_needed
def act_on_task(request: HttpRequest, task_id: int, act: str) -> HttpResponse:
    """Claim, release, complete, hand over, assign or withdraw a task, and return to where one came from."""
    principal = _principal(request)
    services.visible_task(principal, task_id)  # 404 before anything is said
    reason = request.POST.get("reason", "")

    def do() -> Task:
        if act in ("hand_over", "assign"):
            give = services.hand_over if act == "hand_over" else services.assign
            return give(task_id, find_user(request.POST.get("user", "")), principal, reason)
        if act == "claim":
            return services.claim(task_id, principal)
        if act == "complete":
            return services.complete(task_id, principal, note=reason)
        return (services.release if act == "release" else services.cancel)(task_id, principal, reason)

    _try(request, do, _DONE_WORDS[act])
    return redirect(_back(request, "/tasks/"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def leave(request: HttpRequest) -> HttpResponse:
    """Hand over all one's tasks; a system administrator does it for people of his divisions (``?user=``)."""
    principal = _principal(request)
    name = request.POST.get("leaver") or request.GET.get("user") or principal.name
    services.require_may_clear_others(principal, name)
    leaver = find_user(name)
    if request.method == "POST":
        done: list[services.HandedOver] = []

        def do() -> None:
            successor = find_user(request.POST.get("successor", ""))
            done.append(services.hand_over_everything(leaver, successor, principal, request.POST.get("reason", "")))

        if _try(request, do, ("已移交全部待办。", "All tasks are handed over.")):
            opened = len(done[0].opened)
            if opened:
                messages.info(request, pick((
                    f"其中 {opened} 项接收人无权办理，已退回待领取。",
                    f"{opened} of them the successor may not take; they are open again.")))  # fmt: skip
            return redirect("/tasks/")
    running = Task.objects.filter(assignee=leaver, state=Task.State.CLAIMED).order_by("due_on", "pk")
    context = {"leaver": leaver, "running": running, "people": queries.successors(leaver)}
    return render(request, "worklist/leave.html", context)


# -- notifications --------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def notifications(request: HttpRequest) -> HttpResponseBase:
    """The person's notifications and running jobs."""
    principal = _principal(request)
    newest = queries.notifications(principal).order_by("-pk").values_list("pk", flat=True).first()
    context = {
        "tabs": _notification_tabs(principal, "all"),
        "newest": newest or 0,
        "unread": queries.notifications(principal).filter(read_at=None).count(),
        "jobs": [queries.progress_brief(one) for one in queries.jobs(principal)],
    }
    return rendering.render(request, lists.notifications(principal), "worklist/notifications.html", **context)


def _notification_tabs(principal: Principal, current: str) -> list[Tab]:
    tabs = [
        Tab(("全部", "All"), "/notifications/", current == "all"),
        Tab(("接收设置", "What I want"), "/notifications/settings", current == "settings"),
    ]
    if duties.has(principal, duties.SYSTEM):
        dead = sending.visible_messages(principal).filter(state=Message.State.DEAD).count()
        tabs.append(Tab(("未送达", "Not delivered"), "/notifications/undelivered/", current == "dead", dead))
    return tabs


@require_safe
@login_needed
def notification(request: HttpRequest, notification_id: int) -> HttpResponse:
    """Mark as read and go to the matter."""
    found = notices.mark(_principal(request), notification_id, read=True)
    here = url_has_allowed_host_and_scheme(found.href, {request.get_host()})
    return redirect(found.href if found.href and here else "/notifications/")


@require_POST
@login_needed
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark as read what was on the screen."""
    up_to = request.POST.get("up_to", "")
    notices.mark_all_read(_principal(request), int(up_to) if up_to.isdigit() else None)
    return redirect(_back(request, "/notifications/"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def preferences(request: HttpRequest) -> HttpResponse:
    """What one wants outside the node, and where one is reached."""
    principal = _principal(request)
    if request.method == "POST" and _try(request, lambda: _save_preferences(request), ("已保存。", "Saved.")):
        return redirect("/notifications/settings")
    context = {
        "tabs": _notification_tabs(principal, "settings"),
        "contact": notices.contact_of(principal),
        "wishes": notices.wishes_of(principal),
        "channels": notices.channels_of_node(),
        "simulated": worklist_settings().sms_adapter == "simulator",
    }
    return render(request, "worklist/preferences.html", context)


def _save_preferences(request: HttpRequest) -> None:
    principal = _principal(request)
    notices.set_contact(principal, request.POST.get("mail", ""), request.POST.get("mobile", ""))
    for one in notices.wishes_of(principal):
        for channel, before in ((Channel.MAIL, one.mail), (Channel.SMS, one.sms)):
            wanted = f"{channel.value}:{one.kind}" in request.POST
            if wanted != before:
                notices.set_wish(principal, one.kind, channel.value, wanted)


@require_safe
@login_needed
def undelivered(request: HttpRequest) -> HttpResponseBase:
    """Mails and short messages that did not leave, with the reason (system administrators)."""
    principal = _principal(request)
    rows = sending.visible_messages(principal).exclude(state=Message.State.SENT)
    tabs = _notification_tabs(principal, "dead")
    return rendering.render(request, lists.messages(rows), "worklist/tasks.html", tabs=tabs, act_form=lists.ACT_FORM)


@require_POST
@login_needed
def send_again(request: HttpRequest, message_id: int) -> HttpResponse:
    """Queue a dead letter anew."""
    principal = _principal(request)
    sending.visible_message(principal, message_id)  # 404 for everybody else
    _try(request, lambda: sending.send_again(principal, message_id), ("已重新排队发送。", "Queued again."))
    return redirect("/notifications/undelivered/")


# -- incidents ------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def incident_list(request: HttpRequest) -> HttpResponseBase:
    """Incidents the person may know of."""
    return rendering.render(request, lists.incident_list(_principal(request)))


@require_safe
@login_needed
def incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """One incident: what, where, how bad, what was done, and what one may do."""
    principal = _principal(request)
    found = incidents.visible_incident(principal, incident_id)
    notices.mark_read_about(principal, request.path)
    deals = incidents.may_deal(principal, found)
    context = {
        "record": _incident_record(found),
        "incident": found,
        "map_href": "" if found.lon is None else f"/#map=15/{found.lat:.6f}/{found.lon:.6f}",
        "deals": deals and found.state != Incident.State.CLOSED,
        "people": _dealers(found) if deals else [],
    }
    return render(request, "worklist/incident.html", context)


def _dealers(found: Incident) -> list[User]:
    ids = people_who_hold(found.action, found.collections, found.duty, found.division_code)
    return list(User.objects.filter(pk__in=ids).order_by("name_zh"))


def _incident_record(one: Incident) -> Record:
    place = f"{one.lon:.6f}, {one.lat:.6f}" if one.lon is not None and one.lat is not None else None
    facts = [
        Fact(("级别", "Level"), lists.level_mark(one)),
        Fact(("状态", "State"), lists.state_badge(one)),
        Fact(("地点", "Place"), one.place),
        Fact(("经度、纬度（CGCS2000）", "Longitude, latitude (CGCS2000)"), place, "code"),
        Fact(("区划", "Division"), division_cell(one.division_code)),
        Fact(("来源", "Source"), one.source),
        Fact(("告警次数", "Alarms"), one.repeats, "count"),
        Fact(("发生", "First"), one.first_at, "time"),
        Fact(("最近", "Last"), one.last_at, "time"),
    ]
    if one.closed_at:
        facts.append(Fact(("关闭原因", "Why closed"), one.reason))
    return Record(
        title=(one.title_zh, one.title_en),
        crumbs=(Crumb(("事件", "Incidents"), "/incidents/"), Crumb((one.title_zh, one.title_en))),
        facts=tuple(facts),
        history=tuple(
            Event(event.at, event.actor, (event.get_act_display(), event.act), event.reason)
            for event in one.events.order_by("id")
        ),
    )


_INCIDENT_WORDS = {
    "acknowledge": ("已确认。", "Acknowledged."), "resolve": ("已记为处置完毕。", "Recorded as dealt with."),
    "close": ("已关闭。", "Closed."), "assign": ("已指派。", "Assigned."),
}  # fmt: skip


@require_POST
@login_needed
def act_on_incident(request: HttpRequest, incident_id: int, act: str) -> HttpResponse:
    """Acknowledge, assign, resolve or close an incident."""
    principal = _principal(request)
    incidents.visible_incident(principal, incident_id)
    reason = request.POST.get("reason", "")

    def do() -> object:
        if act == "acknowledge":
            return incidents.acknowledge(incident_id, principal)
        if act == "assign":
            user = find_user(request.POST.get("user", ""))
            return incidents.assign_as_task(incident_id, user, principal, reason)
        return (incidents.resolve if act == "resolve" else incidents.close)(incident_id, principal, reason)

    _try(request, do, _INCIDENT_WORDS[act])
    return redirect(f"/incidents/{incident_id}")
