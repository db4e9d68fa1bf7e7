"""Check an application or a case by the rules of its matters, and keep what was answered. 自动核验."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

import shapely
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.catalogue.served.beliefs import belief_now
from kunyu.engines.catalogue.served.moments import instant_text
from kunyu.engines.matters.definitions.editions import edition_in_use
from kunyu.engines.matters.models import Application, Case, Check, CheckAnswer, MatterEdition
from kunyu.engines.matters.rules import asking, ruling
from kunyu.engines.matters.rules.answers import CLEAR, CONFLICT, NOT_CHECKED
from kunyu.engines.matters.rules.asking import Asked
from kunyu.engines.matters.rules.ruling import Ruled
from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json

_PLACE = """
UPDATE matters_checkanswer SET place = v.place::geometry
FROM unnest(%s::bigint[], %s::text[]) AS v(id, place) WHERE matters_checkanswer.id = v.id
"""


def run_checks(
    principal: Principal, application: Application, case: Case | None = None, *, valid_at: date | None = None,
    known_at: datetime | None = None,
) -> Check:  # fmt: skip
    """Run the rules of the matters of ``application``, or of the one matter of ``case``, and keep the answers.

    Parameters
    ----------
    case
        None: the application as it stands now (一网申报), before it is submitted.
    valid_at, known_at
        The day the map is valid on and the instant of belief; today and now when left out.

    Notes
    -----
    What cannot be looked at is *not checked* and says why; nothing is raised for it. Layers are read as
    :mod:`rules.reader` says; what of the answers somebody is told is decided by :mod:`rules.disclosure`.

    An applicant may look as often as he likes: asked the same on the same day, answered the same on the same versions, it is
    the check that stands already, and no other is kept. Checks of cases are each kept: decisions name them.
    """
    begun = time.perf_counter()
    may_stand = case is None and known_at is None
    day, known = valid_at or timezone.localdate(), (known_at or belief_now()).astimezone(UTC)
    asked = asking.gather(application, case, editions_of(application, case), day)
    ruled = ruling.answers(principal, asked, day, known)
    check = _check(principal, application, case, asked, ruled, day, known)
    check.milliseconds = round((time.perf_counter() - begun) * 1000)
    with transaction.atomic():
        standing = _standing(check, ruled) if may_stand else None
        if standing is None:
            check.save()
            _keep(check, ruled)
        check = standing or check
        audit.record(
            principal, "application-checked", "case" if case else "application", case.number if case else application.pk,
            check=check.pk, digest=check.digest, conflicts=check.conflicts, not_checked=check.not_checked,
            again=standing is not None,
        )  # fmt: skip
    return check


def _standing(check: Check, ruled: Sequence[Ruled]) -> Check | None:
    """The newest check of the application where it asked and was answered the same; two clicks at once wait here."""
    Application.objects.select_for_update().get(pk=check.application_id)
    newest = Check.objects.filter(application=check.application_id, case=None).order_by("-pk").first()
    if newest is None or (newest.made_by, newest.valid_at) != (check.made_by, check.valid_at):
        return None
    now = ruling.digest(check.asked, ruled, check.valid_at, instant_text(newest.known_at))
    return newest if now == newest.digest else None


def editions_of(application: Application, case: Case | None) -> list[MatterEdition]:
    """The edition a case started with; for an application those in use where its land lies."""
    if case is not None:
        return [case.edition]
    return [edition_in_use(code, application.division_code) for code in application.matters]


def _check(
    principal: Principal, application: Application, case: Case | None, asked: Asked, ruled: Sequence[Ruled], day: date,
    known: datetime,
) -> Check:  # fmt: skip
    packed = asking.pack(asked, {one.rule: one.edition for one in ruled})
    packed = json.loads(canonical_json(packed), parse_float=_as_the_database_gives_it)
    states = Counter(one.answer.state for one in ruled)
    return Check(
        application=application, case=case, matter_code=asked.matter_code, edition_digest=asked.edition_digest,
        rules_digest=ruling.rules_digest(ruled), valid_at=day, known_at=known, asked=packed,
        digest=ruling.digest(packed, ruled, day, instant_text(known)), conflicts=states[CONFLICT],
        not_checked=states[NOT_CHECKED], clear=states[CLEAR], made_by=principal.name,
    )  # fmt: skip


def _as_the_database_gives_it(text: str) -> float | int:
    """A column of JSON gives 1e22 back as a whole number; its digest must be that of what a replay will read."""
    value = float(text)
    return int(value) if abs(value) >= 1e16 else value


def _keep(check: Check, ruled: Sequence[Ruled]) -> None:
    rows = CheckAnswer.objects.bulk_create([_row(check, one) for one in ruled])
    places = {
        row.pk: shapely.to_wkb(shapely.set_srid(one.answer.where, 4490), hex=True, include_srid=True)
        for row, one in zip(rows, ruled, strict=True)
        if one.answer.where is not None and not one.answer.where.is_empty
    }
    if places:
        with connection.cursor() as cursor:
            cursor.execute(_PLACE, [list(places), list(places.values())])


def _row(check: Check, one: Ruled) -> CheckAnswer:
    answer = one.answer
    return CheckAnswer(
        check_run=check, rule=one.rule, clause=one.clause, state=answer.state, weight=one.weight,
        measured=None if answer.measured is None else ruling.kept(answer.measured),
        limit=None if answer.limit is None else ruling.kept(answer.limit), unit=answer.unit,
        message_zh=answer.message_zh, message_en=answer.message_en, remedy_zh=answer.remedy_zh,
        remedy_en=answer.remedy_en, reason=answer.reason, versions=list(answer.versions),
    )  # fmt: skip


def replay(check: Check) -> tuple[str, bool]:
    """Ask a kept check again at its own moment; the digest now, and whether it is the same."""
    from kunyu.engines.matters.rules.replaying import replayed

    found = replayed(check)
    return found.digest, found.is_same
