"""Prints: asked for, drawn by a worker under the rights its owner has then, kept as a file that only he fetches. 打印."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from kunyu.engines.catalogue.served.moments import read_days, read_known_at
from kunyu.engines.maps.compositions import looks, services, sheet
from kunyu.engines.maps.compositions.definition import Definition, read_definition
from kunyu.engines.maps.compositions.errors import BadComposition, NoSuchPrint
from kunyu.engines.maps.compositions.looks import Look
from kunyu.engines.maps.models import MapPrint
from kunyu.engines.security import audit, zones
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import User
from kunyu.engines.security.protection import must_protect, object_store
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of as principal_of_user
from kunyu.engines.worklist.holding import held
from kunyu.engines.worklist.progress import Job, Reporter
from kunyu.kernel.errors import KunyuError

FORMS = {"pdf": "application/pdf", "png": "image/png"}
MOST_WAITING = 10
JOB, QUEUE = "maps.print_map", "prints"
LOCK_CLASS = 0x6B7F  # prints
State = MapPrint.State
UNFINISHED = (State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class Request:
    """What is to be printed: a saved composition (``slug``, ``version``) or a ``definition`` not saved; times; form."""

    form: str = "pdf"
    slug: str = ""
    version: int | None = None
    definition: dict[str, Any] | None = None
    layout: dict[str, Any] | None = None
    valid_at: str = ""
    known_at: str = ""

    @property
    def times(self) -> dict[str, str]:
        return {name: value for name in ("valid_at", "known_at") if (value := getattr(self, name))}


def look_of(principal: Principal, wanted: Request) -> Look:
    """The composition to print, with the layout of the request in place of its own where one is given."""
    if wanted.definition is not None:
        definition = read_definition(wanted.definition)
        look = Look("未保存", 0, definition.title_zh, definition, {})
    else:
        look = looks.load(principal, wanted.slug, wanted.version)
    if wanted.layout is None:
        return look
    changed: Definition = read_definition({**look.definition.document(), "layout": wanted.layout})
    return replace(look, definition=changed)


@transaction.atomic
def ask(principal: Principal, wanted: Request) -> MapPrint:
    """Check and queue a print.

    Raises
    ------
    BadComposition, NoSuchComposition, BadParameter
    """
    owner = services.require_person(principal)
    if wanted.form not in FORMS:
        raise BadComposition(
            f"format={wanted.form[:20]!r} 不可用；可用 pdf、png。", f"format={wanted.form[:20]!r}: use pdf or png."
        )
    read_days(None, wanted.valid_at or None)
    read_known_at(wanted.known_at)
    look_of(principal, wanted)
    waiting = MapPrint.objects.filter(owner_id=owner, state__in=UNFINISHED).count()
    if waiting >= MOST_WAITING:
        raise BadComposition(
            f"您已有 {waiting} 份打印在排队，请等它们完成。",
            f"You have {waiting} prints waiting: let them finish first.",
        )
    made = MapPrint.objects.create(owner_id=owner, request=vars(wanted), form=wanted.form)
    _queue(made.pk)  # with the row or not at all
    return made


def _queue(print_id: int) -> None:
    """By name, since the task imports this module."""
    app.configure_task(JOB, queue=QUEUE).defer(print_id=print_id)


def run(print_id: int) -> None:
    """Draw one print; its outcome stands on it, a defect is raised after it is noted.

    A worker that is killed leaves it running: whoever takes it up again draws it anew. One that another process draws
    now, or that has ended, is left alone.
    """
    with held(LOCK_CLASS, print_id) as session:
        waiting = MapPrint.objects.filter(pk=print_id, state__in=UNFINISHED)
        if session is not None and waiting.update(state=State.RUNNING):
            _run(print_id, session)


def _run(print_id: int, session: psycopg.Connection) -> None:
    one = MapPrint.objects.select_related("owner").get(pk=print_id)
    owner: User = one.owner
    job = Job(
        f"map-print:{one.pk}", "map_print", "专题图打印", "Map print", f"/map/compose#print={one.pk}", owner.username
    )
    try:
        if not owner.is_active:
            raise BadComposition("账号已停用，不再打印。", "The account is closed: nothing is printed for it.")
        with Reporter(job, session) as told:
            told.require_attempt()
            _draw(one, principal_of_user(owner, "worker"), told)
    except KunyuError as error:
        _fail(one, error.detail_zh, error.detail_en)
    except BaseException:
        _fail(
            one,
            "程序缺陷，已记录；请把打印编号告诉管理员。",
            "A defect of the program; tell the administrator its number.",
        )
        raise


def _fail(one: MapPrint, zh: str, en: str) -> None:
    one.state, one.why_zh, one.why_en, one.ended_at = State.FAILED, zh, en, timezone.now()
    one.save()


def _draw(one: MapPrint, principal: Principal, told: Reporter) -> None:
    wanted = Request(**one.request)
    look = look_of(principal, wanted)

    def tell(done: int, total: int) -> None:
        told.show("绘制图层", "drawing layers", done, total)

    printed = sheet.print_sheet(principal, look, wanted.form, wanted.times, tell)
    zones.require_admitted(printed.label, "打印件", "The print")
    with transaction.atomic():
        stored = object_store().put_bytes(printed.data, protect=must_protect(printed.collections))
        one.state, one.file_sm3, one.size = State.DONE, stored.sm3, len(printed.data)
        one.label, one.versions, one.scale = printed.label.code, dict(printed.versions), printed.scale
        one.ended_at = timezone.now()
        one.save()
        audit.record(
            principal, "map-printed", "composition", look.slug, version=look.number, format=wanted.form,
            paper=look.definition.layout.paper, scale=printed.scale, collections=sorted(printed.collections),
            approval_number=look.definition.layout.approval_number, object_label=printed.label.code,
        )  # fmt: skip


def one_print(principal: Principal, print_id: int) -> MapPrint:
    """A print of the caller's own; :class:`NoSuchPrint`, :class:`SignInNeeded`."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，再取打印件。", "Sign in to fetch a print.")
    found = None
    if principal.user_id is not None and 0 < print_id < 2**63:
        found = MapPrint.objects.filter(pk=print_id, owner_id=principal.user_id).first()
    if found is None:
        raise NoSuchPrint(f"没有打印件 {print_id}，或者它不是您的。", f"There is no print {print_id} of yours.")
    return found


def file_of(principal: Principal, print_id: int) -> tuple[MapPrint, bytes]:
    """The finished file, for its owner; fetching it is on record."""
    one = one_print(principal, print_id)
    if one.state != State.DONE:
        raise NoSuchPrint(f"打印件 {print_id} 还没有完成。", f"The print {print_id} is not finished.")
    with transaction.atomic():
        audit.record(principal, "map-print-fetched", "print", one.pk, object_label=one.label)
    with object_store().open(one.file_sm3) as file:
        return one, file.read()


def unfinished() -> list[int]:
    """Prints that a worker should take up: new ones, and those a killed worker left behind."""
    return list(MapPrint.objects.filter(state__in=UNFINISHED).order_by("id").values_list("id", flat=True))
