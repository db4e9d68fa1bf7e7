"""Organisations, posts and users from a spreadsheet: checked first, then applied as a whole or not at all. 批量导入."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import audit, import_sheets, managing, organisation_services
from kunyu.engines.security.account_services import INVITATION_DAYS
from kunyu.engines.security.import_plan import Plan, plan
from kunyu.engines.security.models import Appointment, ImportDraft, Invitation, Post, User
from kunyu.engines.security.organisation_errors import AlreadyDone, BadEntry, UnknownUnit
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_hex

DRAFT_HOURS = 24
NAMED_PER_ENTRY = 200
BATCH = 2_000


@transaction.atomic
def receive(principal: Principal, name: str, content: bytes) -> ImportDraft:
    """Keep a spreadsheet for its sender until it is confirmed; unreadable ones are refused and not kept."""
    managing.reach(principal)
    import_sheets.read(name, content)
    ImportDraft.objects.filter(made_at__lt=timezone.now() - timedelta(hours=DRAFT_HOURS)).delete()
    return ImportDraft.objects.create(
        user_id=principal.user_id or 0, file_name=name[:200], sm3=sm3_hex(content), content=content
    )


def draft(principal: Principal, draft_id: int) -> ImportDraft:
    """One's own draft; another's is not there."""
    managing.reach(principal)
    found = ImportDraft.objects.filter(pk=draft_id, user_id=principal.user_id or 0).first()
    if found is None:
        raise UnknownUnit(f"没有导入草稿 {draft_id}；草稿保留 {DRAFT_HOURS} 小时。", f"There is no draft {draft_id}.")
    return found


def check(principal: Principal, found: ImportDraft) -> Plan:
    """What the draft would change now, and what is wrong with it."""
    return plan(principal, import_sheets.read(found.file_name, bytes(found.content)))


@transaction.atomic
def apply(principal: Principal, draft_id: int) -> Plan:
    """Do everything the draft says, judged anew under the lock of the tree.

    Raises
    ------
    BadEntry
        Something is wrong with it by now; nothing was written.
    AlreadyDone
        The draft was applied before.
    """
    found = draft(principal, draft_id)
    organisation_services.lock_tree()
    found = ImportDraft.objects.select_for_update().get(pk=found.pk)
    if found.applied_at is not None:
        raise AlreadyDone("这份表格已经导入。", "This spreadsheet was imported already.")
    todo = check(principal, found)
    if todo.faults:
        raise BadEntry(
            f"表格有 {len(todo.faults)} 处问题，没有导入任何内容。",
            f"{len(todo.faults)} faults; nothing was imported.",
            field="file",
        )
    _write(todo)
    found.applied_at = timezone.now()
    found.save(update_fields=["applied_at"])
    _record(principal, found, todo)
    return todo


def _write(todo: Plan) -> None:
    units = _write_units(todo)
    Organisation.objects.bulk_update(todo.units_changed, ["name_zh", "name_en", "kind", "uscc"], batch_size=500)
    missing = {code for code, _ in todo.posts_new} | {key[0] for _, key, _ in todo.appointments}
    units |= dict(Organisation.objects.filter(code__in=missing - units.keys()).values_list("code", "pk"))
    Post.objects.bulk_create(
        [Post(organisation_id=units[code], name_zh=name, name_en=en) for (code, name), en in todo.posts_new.items()],
        batch_size=BATCH,
    )
    Post.objects.bulk_update(todo.posts_changed, ["name_en"], batch_size=500)
    unusable = make_password(None)
    User.objects.bulk_create([
        User(username=one.username, name_zh=one.name_zh, division_code=one.division_code, password=unusable)
        for one in todo.users_new.values()
    ], batch_size=BATCH)  # fmt: skip
    User.objects.bulk_update(todo.users_changed, ["name_zh", "division_code"], batch_size=500)
    _write_appointments(todo)


def _write_units(todo: Plan) -> dict[str, int]:
    """Make the new units, parents first in the plan; then their places in the tree in one statement."""
    made = Organisation.objects.bulk_create([
        Organisation(code=one.code, name_zh=one.name_zh, name_en=one.name_en, kind=one.kind,
                     division_code=one.division_code, uscc=one.uscc)
        for one, _ in todo.units_new.values()
    ], batch_size=BATCH)  # fmt: skip
    outside = {parent for _, parent in todo.units_new.values()} - todo.units_new.keys()
    standing = Organisation.objects.filter(code__in=outside).values_list("code", "pk", "path")
    place = {code: (pk, path) for code, pk, path in standing}
    parents: list[int | None] = []
    for unit, (_, parent_code) in zip(made, todo.units_new.values(), strict=True):
        parent, above = place.get(parent_code, (None, ""))
        path = f"{above}{unit.pk}/"
        if len(path) > organisation_services.LONGEST_PATH:
            raise BadEntry(f"单位 {unit.code} 的层级过深。", f"Organisation {unit.code} lies too deep.", field="file")
        place[unit.code] = (unit.pk, path)
        parents.append(parent)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reference_organisation o SET parent_id = v.parent, path = v.path "
            "FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS v (id, parent, path) WHERE o.id = v.id",
            [[one.pk for one in made], parents, [place[one.code][1] for one in made]],
        )
    return {one.code: one.pk for one in made}


def _write_appointments(todo: Plan) -> None:
    names = {name for name, _, _ in todo.appointments}
    users = dict(User.objects.filter(username__in=names).values_list("username", "pk"))
    codes = {key[0] for _, key, _ in todo.appointments}
    rows = Post.objects.filter(organisation__code__in=codes).values_list("organisation__code", "name_zh", "pk")
    posts = {(code, name): pk for code, name, pk in rows}
    Appointment.objects.bulk_create(
        [Appointment(user_id=users[name], post_id=posts[key], starts_on=day) for name, key, day in todo.appointments],
        batch_size=BATCH,
    )


def _record(principal: Principal, found: ImportDraft, todo: Plan) -> None:
    """One entry for the import, and the names of everything it touched, some hundred an entry."""
    counts = {key: {"new": one.new, "changed": one.changed, "same": one.same} for key, one in todo.tallies.items()}
    audit.record(principal, "import", "organisation-import", found.pk, file=found.file_name, sm3=found.sm3, rows=counts,
                 appointments=len(todo.appointments))  # fmt: skip
    _record_names(principal, found, "create", "organisation", todo.units_new)
    _record_names(principal, found, "update", "organisation", (one.code for one in todo.units_changed))
    _record_names(principal, found, "create", "post", ("/".join(key) for key in todo.posts_new))
    _record_names(principal, found, "create", "user", todo.users_new)
    _record_names(principal, found, "update", "user", (one.username for one in todo.users_changed))
    appointed = (f"{name}: {'/'.join(key)} {day.isoformat()}" for name, key, day in todo.appointments)
    _record_names(principal, found, "appoint", "user", appointed)


def _record_names(principal: Principal, found: ImportDraft, act: str, kind: str, names: Iterable[str]) -> None:
    every = list(names)
    for start in range(0, len(every), NAMED_PER_ENTRY):
        part = every[start : start + NAMED_PER_ENTRY]
        audit.record(principal, f"import-{act}", kind, f"import {found.pk}", items=part)


@dataclass(frozen=True)
class Invited:
    """A person without a password and the token of the link."""

    username: str
    name_zh: str
    token: str


@transaction.atomic
def invite_everyone(principal: Principal, draft_id: int) -> list[Invited]:
    """Fresh invitations for the draft's people who have no password yet; shown once, kept as digests only."""
    found = draft(principal, draft_id)
    if found.applied_at is None:
        raise BadEntry("请先确认导入。", "Confirm the import first.", field="file")
    names = {row["username"] for row in import_sheets.read(found.file_name, bytes(found.content))["users"]}
    people = [
        one for one in managing.users(principal).filter(
            username__in=names, is_active=True, admin_duty=None).order_by("username") if not one.has_usable_password()
    ]  # fmt: skip
    tokens = [secrets.token_urlsafe(24) for _ in people]
    Invitation.objects.filter(user__in=people, used_at=None).delete()
    until = timezone.now() + timedelta(days=INVITATION_DAYS)
    Invitation.objects.bulk_create([
        Invitation(user=user, digest=sm3_hex(token.encode()), made_by=principal.name, expires_at=until)
        for user, token in zip(people, tokens, strict=True)
    ], batch_size=BATCH)  # fmt: skip
    _record_names(principal, found, "invite", "user", (one.username for one in people))
    return [Invited(one.username, one.name_zh, token) for one, token in zip(people, tokens, strict=True)]
