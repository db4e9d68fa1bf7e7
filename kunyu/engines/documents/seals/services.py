"""Acts on seals: make, approve, suspend, resume, destroy; each with its record and audit entry in one transaction. 印章.

Three separate administrators (三员分立): the system administrator makes a seal, the security administrator, another
person, puts it into use, and destroys it; either may stop it. Sealing itself is no administrator's act: decisions do it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from kunyu.engines.documents.models import Seal, SealEvent
from kunyu.engines.documents.seal_errors import BadSealEntry, WrongSealState
from kunyu.engines.documents.seals import queries
from kunyu.engines.documents.seals.keys import seal_keys
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.seals.pictures import draw_seal
from kunyu.engines.documents.seals.settings import seals_settings
from kunyu.engines.documents.seals.uploads import checked_picture
from kunyu.engines.documents.signatures.ses import SealFacts, make_seal
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import audit, duties, managing
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal

LEAST_MM, MOST_MM = 20, 60
LONGEST_NAME, LONGEST_LINE, LONGEST_REASON = 40, 16, 300


@dataclass(frozen=True)
class SealEntry:
    """What a seal is told to be.

    ``picture`` None has one drawn with ``name_zh`` on the arc and ``second_line`` below, marked 演示 (demonstration).
    ``organisation`` is a code, '' for a seal of the whole division. ``years`` 0 takes the setting's.
    """

    name_zh: str
    division_code: str
    name_en: str = ""
    organisation: str = ""
    second_line: str = ""
    width_mm: int = 42
    height_mm: int = 42
    years: int = 0
    picture: bytes | None = None


@transaction.atomic
def make(principal: Principal, entry: SealEntry) -> Seal:
    """Make a seal with its keys, certificates and picture; another person puts it into use.

    Raises
    ------
    NotVisible, NotAllowed
        Not a system administrator, or not of this division.
    BadSealEntry, BadSealPicture
    """
    prefix = managing.reach(principal, duties.SYSTEM)
    organisation = _checked(entry, prefix)
    code = f"KY{secrets.token_hex(6).upper()}"
    picture = (
        draw_seal(entry.name_zh.strip(), entry.width_mm, entry.second_line.strip())
        if entry.picture is None
        else checked_picture(entry.picture, entry.width_mm, entry.height_mm)
    )
    now = queries.moment_now()
    whole = now.replace(microsecond=0)
    # an hour back: the clock of whoever verifies may be a little behind
    validity = (whole - timedelta(hours=1), whole + timedelta(days=365 * (entry.years or seals_settings().years)))
    made = _certified(code, entry, picture, now, validity)
    made.organisation, made.made_by = organisation, principal.name
    made.save()
    _record(principal, made, "made", "", now, "")
    return made


@transaction.atomic
def approve(principal: Principal, code: str, reason: str = "") -> Seal:
    """Put a seal into use: the security administrator, not the one who made it."""
    one = queries.seal(principal, code, duties.SECURITY, lock=True)
    _require_state(one, "approved", Seal.State.PREPARED)
    if one.made_by == principal.name:
        raise WrongSealState(
            "制作人不能启用自己制作的印章，请另一人启用。", "Another person than its maker approves a seal."
        )
    one.approved_by = principal.name
    return _changed(principal, one, "approved", Seal.State.ACTIVE, reason)


@transaction.atomic
def suspend(principal: Principal, code: str, reason: str) -> Seal:
    """Stop a seal at once; what it sealed before stays valid where a time stamp proves when."""
    one = queries.seal(principal, code, duties.SYSTEM, duties.SECURITY, lock=True)
    _require_state(one, "suspended", Seal.State.ACTIVE)
    return _changed(principal, one, "suspended", Seal.State.SUSPENDED, _reasoned(reason))


@transaction.atomic
def resume(principal: Principal, code: str, reason: str) -> Seal:
    """Put a suspended seal into use again."""
    one = queries.seal(principal, code, duties.SECURITY, lock=True)
    _require_state(one, "resumed", Seal.State.SUSPENDED)
    return _changed(principal, one, "resumed", Seal.State.ACTIVE, _reasoned(reason))


@transaction.atomic
def destroy(principal: Principal, code: str, reason: str) -> Seal:
    """Destroy a seal and its private keys for good; its record and what it sealed stay."""
    one = queries.seal(principal, code, duties.SECURITY, lock=True)
    _require_state(one, "destroyed", Seal.State.PREPARED, Seal.State.ACTIVE, Seal.State.SUSPENDED)
    done = _changed(principal, one, "destroyed", Seal.State.DESTROYED, _reasoned(reason))
    transaction.on_commit(lambda: seal_keys().destroy(one.key_name))
    return done


ACTS = {"approve": approve, "suspend": suspend, "resume": resume, "destroy": destroy}


def picture_of(one: Seal) -> bytes:
    """The seal's picture as PNG."""
    with object_store().open(one.picture_sm3) as file:
        return file.read()


def _certified(code: str, entry: SealEntry, picture: bytes, now: datetime, validity: tuple[datetime, datetime]) -> Seal:
    name, maker, key_name = entry.name_zh.strip(), seal_maker(), f"seal-{code.lower()}"
    subject = {"country_name": "CN", "organization_name": name, "serial_number": code, "common_name": name}
    sm2, ecdsa = maker.certify(subject, seal_keys().make(key_name), validity)
    facts = SealFacts(code, name, now, *validity, sm2, picture, entry.width_mm, entry.height_mm)
    store = object_store()
    return Seal(
        code=code, name_zh=name, name_en=entry.name_en.strip(), division_code=entry.division_code.strip(),
        picture_sm3=store.put_bytes(picture).sm3, width_mm=entry.width_mm, height_mm=entry.height_mm,
        ses_seal_sm3=store.put_bytes(make_seal(maker.identity(), facts)).sm3, key_name=key_name,
        sm2_certificate=sm2, ecdsa_certificate=ecdsa, valid_from=validity[0], valid_to=validity[1],
    )  # fmt: skip


def _checked(entry: SealEntry, prefix: str) -> Organisation | None:
    division = entry.division_code.strip()
    if not 1 <= len(entry.name_zh.strip()) <= LONGEST_NAME:
        raise _bad("name_zh", f"名称须为 1–{LONGEST_NAME} 字", f"the name has 1 to {LONGEST_NAME} letters")
    if len(entry.second_line.strip()) > LONGEST_LINE:
        raise _bad(
            "second_line", f"第二行至多 {LONGEST_LINE} 字", f"the second line has at most {LONGEST_LINE} letters"
        )
    if division and not (division.isascii() and division.isdigit() and len(division) in (2, 4, 6, 9, 12)):
        raise _bad("division_code", "区划代码为 2、4、6、9 或 12 位数字", "a division code has 2, 4, 6, 9 or 12 digits")
    if not division.startswith(prefix):
        raise NotAllowed(
            f"区划 {division or '全国'} 不在您的管理范围（{prefix}）内。",
            f"Division {division or 'nation'} is not under yours ({prefix}).", division=division,
        )  # fmt: skip
    for field in ("width_mm", "height_mm"):
        if not LEAST_MM <= getattr(entry, field) <= MOST_MM:
            raise _bad(field, f"尺寸须在 {LEAST_MM}–{MOST_MM} 毫米", f"its size is {LEAST_MM} to {MOST_MM} mm")
    if entry.picture is None and entry.width_mm != entry.height_mm:
        raise _bad("height_mm", "系统绘制的印章是圆的，宽高须相等", "a drawn seal is round: width and height are equal")
    if not 0 <= entry.years <= seals_settings().years_max:
        raise _bad(
            "years", f"有效期至多 {seals_settings().years_max} 年", f"valid at most {seals_settings().years_max} years"
        )
    return _organisation(entry.organisation.strip(), division)


def _organisation(code: str, division: str) -> Organisation | None:
    if not code:
        return None
    found = Organisation.objects.filter(code=code, closed_on=None, division_code__startswith=division).first()
    if found is None:
        raise _bad(
            "organisation", f"区划 {division} 没有在用的单位 {code}", f"division {division} has no open unit {code}"
        )
    return found


def _changed(principal: Principal, one: Seal, act: str, state: str, reason: str) -> Seal:
    before, one.state = one.state, Seal.State(state)
    one.save(update_fields=["state", "approved_by"])
    _record(principal, one, act, before, queries.moment_now(), reason.strip())
    return one


def _record(principal: Principal, one: Seal, act: str, before: str, at: datetime, reason: str) -> None:
    SealEvent.objects.create(
        seal=one, act=act, before=before, state=one.state, reason=reason, actor=principal.name, at=at
    )
    audit.record(
        principal, f"seal-{act}", "seal", one.code, name=one.name_zh, division=one.division_code, reason=reason
    )


def _require_state(one: Seal, act: str, *wanted: str) -> None:
    if one.state not in wanted:
        zh, en = queries.STATES[one.state]
        raise WrongSealState(
            f"印章 {one.code} {zh}，此时不能这样办理。请刷新页面。", f"Seal {one.code} is {en}: it cannot be {act}. Reload the page.",
            state=one.state,
        )  # fmt: skip


def _reasoned(reason: str) -> str:
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise _bad(
            "reason", f"请写明原因（至多 {LONGEST_REASON} 字）", f"give a reason of at most {LONGEST_REASON} letters"
        )
    return reason


def _bad(field: str, zh: str, en: str) -> BadSealEntry:
    return BadSealEntry(f"{zh}。", f"{en[0].upper()}{en[1:]}.", field=field)
