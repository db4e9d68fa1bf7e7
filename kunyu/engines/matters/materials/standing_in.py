"""Papers that need not be handed in again: earlier ones of the same applicant, and licences of the register. 免提交."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from kunyu.engines.documents import queries as documents
from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.cases import applying
from kunyu.engines.matters.definitions.matter import MaterialKind
from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials import access, formats, taking
from kunyu.engines.matters.materials.kinds import kind_of
from kunyu.engines.matters.materials.refusals import refuse
from kunyu.engines.matters.materials.stored import format_of
from kunyu.engines.matters.models import Application, Case, Material
from kunyu.engines.security.applicants import standing_for
from kunyu.engines.security.models import ApplicantAccount
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.scope import Principal

Reading = Material.Reading


def reuse(principal: Principal, application_id: int, kind: str, material_id: int) -> Material:
    """Hand in a document again that the same applicant handed in before, as a version of this application.

    Whose it is decides the account that applied, or, at a counter, the applicant's code; a code that somebody merely
    typed into a form of his own opens nobody's documents.

    Raises
    ------
    UnknownCase, WrongStep, NotYourStep, UnknownMaterial, BadMaterial
    """
    application = _changed(principal, application_id)
    earlier = Material.objects.select_related("application").filter(pk=material_id, is_withdrawn=False).first()
    if earlier is None or not _is_of_same_applicant(principal, application, earlier.application):
        raise access.unknown_material(material_id)
    wanted = kind_of(application, kind, earlier.file_name)
    _require_format(earlier, wanted)
    content = taking.Content(earlier.file_name, earlier.media_type, earlier.sm3, earlier.size, earlier.pages)
    material = taking.add(principal, application_id, wanted, content, Material.Source.EARLIER).material
    _take_over_reading(material, earlier)
    return material


def _changed(principal: Principal, application_id: int) -> Application:
    """Who may change comes before what is there; locked again where the version is written."""
    with transaction.atomic():
        return access.changed_application(principal, application_id)


def earlier_materials(principal: Principal, application_id: int) -> list[Material]:
    """What may be reused, newest first, each file once; at most a hundred."""
    application = access.seen_application(principal, application_id)
    found: dict[str, Material] = {}
    listed = Material.objects.filter(is_withdrawn=False).exclude(application=application).select_related("application")
    if application.applicant_id is not None:
        listed = listed.filter(application__applicant_id=application.applicant_id)
    elif application.applicant_code:
        same = Application.objects.filter(matching(Application, "applicant_code", application.applicant_code))
        listed = listed.filter(application__in=same)
    else:
        return []
    for one in listed.order_by("-pk")[:500]:
        if one.sm3 not in found and _is_of_same_applicant(principal, application, one.application):
            found[one.sm3] = one
    return list(found.values())[:100]


def _is_of_same_applicant(principal: Principal, here: Application, there: Application) -> bool:
    if here.applicant_id is not None:
        return here.applicant_id == there.applicant_id and applying.is_mine(principal, here)
    same = bool(here.applicant_code) and here.applicant_code == there.applicant_code
    return same and applying.is_mine(principal, here) and _sees(principal, there)


def _sees(principal: Principal, application: Application) -> bool:
    try:
        access.seen_application(principal, application.pk)
    except access.UnknownCase:
        return False
    return True


def _require_format(earlier: Material, wanted: MaterialKind) -> None:
    allowed = formats.allowed(wanted.formats)
    if format_of(earlier) not in allowed:
        listed = "、".join(one.upper() for one in allowed)
        raise refuse(
            earlier.file_name, "format", f"不是“{wanted.name_zh}”接收的格式（{listed}）",
            f"is of no format that {wanted.code} takes ({listed})", "请上传可接收格式的文件", "Upload a file of these formats",
        )  # fmt: skip


def _take_over_reading(material: Material, earlier: Material) -> None:
    """What was read of the same bytes need not be read again."""
    if earlier.reading in (Reading.TEXT, Reading.OCR, Reading.NONE) and material.sm3 == earlier.sm3:
        Material.objects.filter(pk=material.pk, reading=Reading.WAITING).update(
            reading=earlier.reading, text=earlier.text, facts=earlier.facts, pages=earlier.pages
        )
        material.refresh_from_db()


def stand_in(principal: Principal, application_id: int, kind: str, licence_number: str) -> Material:
    """Let a licence of the register stand in for a paper.

    Raises
    ------
    UnknownCase, WrongStep, NotYourStep
    BadMaterial
        The kind takes no licence; the applicant holds no valid licence of that number and kind.
    """
    application = _changed(principal, application_id)
    wanted = kind_of(application, kind, licence_number)
    if not wanted.licence_kind:
        raise refuse(
            licence_number, "licence", f"不能代替“{wanted.name_zh}”：该项不接收电子证照",
            f"cannot stand in for {wanted.code}, which takes no licence", "请上传文件", "Upload a file",
        )  # fmt: skip
    licence = _held(application, wanted, licence_number.strip())
    if licence is None or licence.pdf is None:
        raise _no_licence(wanted, licence_number)
    pdf = licence.pdf
    content = taking.Content(f"{licence.number}.pdf"[-300:], pdf.media_type, pdf.sm3, pdf.size, pdf.pages)
    material = taking.add(principal, application_id, wanted, content, Material.Source.LICENCE).material
    if material.licence_number != licence.number:
        material.licence_number = licence.number
        material.save(update_fields=["licence_number"])
    return material


def licences_for(principal: Principal, application_id: int, kind: str) -> list[Licence]:
    """Valid licences of the applicant that may stand in for a kind, newest first."""
    application = access.seen_application(principal, application_id)
    wanted = kind_of(application, kind, kind)
    if not wanted.licence_kind or not application.applicant_code:
        return []
    found = _held_by_applicant(application).filter(kind=wanted.licence_kind, state=Licence.State.VALID)
    return [one for one in found.select_related("pdf").order_by("-pk")[:50] if _in_force(one, timezone.localdate())]


def _held(application: Application, wanted: MaterialKind, number: str) -> Licence | None:
    """The applicant's own licence: a foreign number is as if it were not."""
    if not application.applicant_code:
        return None
    held = _held_by_applicant(application).filter(number=number, kind=wanted.licence_kind, state=Licence.State.VALID)
    newest = held.select_related("pdf").order_by("-version").first()
    return newest if newest is not None and _in_force(newest, timezone.localdate()) else None


def _held_by_applicant(application: Application) -> QuerySet[Licence]:
    """Licences under the applicant's code that this application may draw on.

    Codes of firms are public, and whoever signs up may type any: the register opens to an account whose identity was
    verified with this very code, and to a counter, which saw the papers. An account that nobody verified gets what was
    issued in cases of its own.
    """
    held = documents.held_by(application.applicant_code)
    account = application.applicant_id
    is_verified = standing_for(account, application.applicant_code) == ApplicantAccount.Standing.VERIFIED
    if application.counter_county or account is None or is_verified:
        return held
    own = Case.objects.filter(applicant_account_id=account).exclude(licence_number="")
    return held.filter(number__in=own.values("licence_number"))


def _in_force(licence: Licence, day: date) -> bool:
    return licence.pdf is not None and (licence.valid_to is None or day <= licence.valid_to)


def _no_licence(wanted: MaterialKind, number: str) -> BadMaterial:
    return refuse(
        number[:80], "licence", f"不是申请人名下有效的“{wanted.name_zh}”电子证照",
        f"is no valid licence of the applicant for {wanted.code}",
        "请核对证照编号与申请人证件号码，或上传文件", "Check the number and the applicant's code, or upload a file",
    )  # fmt: skip
