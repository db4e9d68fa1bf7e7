"""Issue licences: number, identifier, file, seal, register. 制证.

Issuing is idempotent by key and may be interrupted anywhere: the number is drawn with the row (state ``issuing``), the
file is made, sealed and kept under keys that follow from the row, and only then does the licence come into force. Doing
it again takes up where it stopped. No licence is ``valid`` without a sealed file.

Who may issue is for the caller to decide; this engine knows no law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import shapely
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kunyu.engines.documents import numbering, proofs, sealed_papers, templates
from kunyu.engines.documents.errors import ReasonNeeded, UnknownLicence, WrongLicenceState
from kunyu.engines.documents.kinds import LicenceKind, kind_of
from kunyu.engines.documents.licence_states import locked, move, note
from kunyu.engines.documents.models import Document, Licence, Seal
from kunyu.engines.security import audit, masks
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError
from kunyu.kernel.identifiers import build_certificate_id, parse_certificate_id

State = Licence.State
PERSON = "person"
_REPLACEABLE = (State.VALID, State.SUSPENDED, State.EXPIRED)


@dataclass(frozen=True)
class Issuer:
    """The office that issues: its USCC (or, where it has none, a division of six digits) and name."""

    code: str
    name_zh: str


@dataclass(frozen=True)
class Holder:
    """Whose licence it is. ``kind``: ``person`` or ``organisation``; ``code``: citizen id or USCC, in clear."""

    name: str
    kind: str
    code: str = field(default="", repr=False)


@dataclass(frozen=True)
class IssueRequest:
    """What is to be issued.

    Parameters
    ----------
    key : the cause, e.g. ``case:990101202611230001:licence``; issued again it is the same licence.
    kind : of the register of kinds (`kinds`); ``type_code`` '' takes the kind's.
    facts : what stands on the licence, by name; public wherever the licence is.
    number_scheme : as in `numbering`; ``number`` given by another authority takes its place.
    template : HTML or Word file; it knows what :func:`filled` names.
    seal : None leaves the licence in state ``issuing`` with an unsealed file.
    plot : shapely polygon, EPSG:4490 lon, lat; None where the licence is about no land.
    branch : catalogue code whose rights decide who sees it in the register.
    filled_with : further values for the template, kept with the file and never shown to the public.
    """

    key: str
    kind: str
    type_code: str
    issuer: Issuer
    holder: Holder
    division: str
    project_code: str
    subject: str
    facts: Mapping[str, Any]
    number_scheme: str
    valid_to: date | None
    template: Path
    seal: Seal | None
    branch: str = ""
    label: int = 0
    plot: shapely.Geometry | None = None
    issued_on: date | None = None
    number: str = ""
    title_zh: str = ""
    filled_with: Mapping[str, Any] = field(default_factory=dict)


def issue(principal: Principal, request: IssueRequest) -> Licence:
    """Issue a licence, or take up its issuing where it stopped.

    Raises
    ------
    BadNumberScheme, NumbersUsedUp, BadIdentifier, BadTemplate
    SealUnusable and other errors of sealing: the licence stays ``issuing`` and is issued by the same call later.
    """
    return _finished(principal, _reserved(principal, request, None, kind_of(request.kind)), request)


def replace(principal: Principal, licence_id: int, request: IssueRequest, reason: str) -> Licence:
    """Issue another in a licence's place (换发): its next version, or with a new number, as the register of kinds says.

    The old one is replaced in the moment the new one comes into force. Raises WrongLicenceState besides what `issue` does.
    """
    kind = kind_of(request.kind)
    return _follow(principal, licence_id, request, reason, "replaced", kind.keeps_number)


def correct(principal: Principal, licence_id: int, request: IssueRequest, reason: str) -> Licence:
    """Correct what is wrong on a licence (更正): always its next version under the same number; the old one is kept."""
    return _follow(principal, licence_id, request, reason, "corrected", True)


def _follow(
    principal: Principal, licence_id: int, request: IssueRequest, reason: str, act: str, keeps_number: bool
) -> Licence:
    if not reason.strip():
        raise ReasonNeeded("请写明换发或更正的理由。", "Give the reason.", field="reason")
    old = Licence.objects.filter(pk=licence_id).first()
    if old is None:
        raise UnknownLicence(f"没有证照 {licence_id}。", f"There is no licence {licence_id}.")
    new = _reserved(principal, request, old, kind_of(request.kind), keeps_number=keeps_number)
    return _finished(principal, new, request, reason, act)


# -- the row with its number ------------------------------------------------------------------------------------------


def _reserved(
    principal: Principal, request: IssueRequest, old: Licence | None, kind: LicenceKind, keeps_number: bool = False
) -> Licence:
    found = Licence.objects.filter(key=request.key).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return _new_row(principal, request, old, kind, keeps_number)
    except IntegrityError:
        found = Licence.objects.filter(key=request.key).first()
        if found is None:
            raise
        return found


def _new_row(
    principal: Principal, request: IssueRequest, old: Licence | None, kind: LicenceKind, keeps_number: bool
) -> Licence:
    day = request.issued_on or timezone.localdate()
    if request.valid_to is not None and request.valid_to < day:
        raise UsageError(
            f"有效期至 {request.valid_to} 早于发证日期 {day}。", f"Valid to {request.valid_to} is before {day}."
        )
    if old is not None:
        _require_replaceable(locked(old.pk), request.key)
    number, identifier, version = _named(request, old, kind, day, keeps_number)
    holder = request.holder
    made = Licence(
        key=request.key, number=number, identifier=identifier, version=version, kind=request.kind,
        type_code=request.type_code or kind.type_code, issuer_code=request.issuer.code, issuer_zh=request.issuer.name_zh,
        holder_name=holder.name, holder_kind=holder.kind, holder_code_masked=masks.mask(masks.DOCUMENT, holder.code) or "",
        holder_code=holder.code, project_code=request.project_code, subject=request.subject, branch=request.branch,
        division_code=request.division, label=request.label, facts=dict(request.facts), facts_order=list(request.facts), issued_on=day,
        valid_to=request.valid_to, previous=old,
    )  # fmt: skip
    made.save()
    if request.plot is not None:
        _store_plot(made.pk, request.plot)
    audit.record(principal, "licence-prepared", "licence", number, version=version, division=request.division)
    return made


def _require_replaceable(old: Licence, key: str) -> None:
    other = Licence.objects.filter(previous=old).exclude(key=key).first()
    if old.state not in _REPLACEABLE or other is not None:
        said = f"已由 {other.number} 第{other.version}版接续" if other else f"状态是“{old.get_state_display()}”"
        raise WrongLicenceState(
            f"证照 {old.number} {said}，不能换发或更正。",
            f"Licence {old.number} is {old.state}{' and followed by another' if other else ''}; it cannot be replaced.",
            number=old.number,
            state=old.state,
        )


def _named(
    request: IssueRequest, old: Licence | None, kind: LicenceKind, day: date, keeps_number: bool
) -> tuple[str, str, int]:
    """Number, identifier and version: the next version of ``old``, or a new number."""
    type_code, authority = request.type_code or kind.type_code, request.issuer.code or request.division[:6]
    if old is not None and keeps_number:
        was = parse_certificate_id(old.identifier)
        version = old.version + 1
        return old.number, build_certificate_id(was.certificate_type, was.authority, was.serial, version), version
    counted = numbering.count(f"identifier:{type_code}.{authority}.{day.year}")
    identifier = build_certificate_id(type_code, authority, f"{day.year}{counted:07d}", 1)
    number = request.number or numbering.next_number(request.number_scheme, division=request.division, day=day)
    return number, identifier, 1


def _store_plot(licence_id: int, plot: shapely.Geometry) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE documents_licence SET plot = ST_Multi(ST_Force2D(ST_GeomFromWKB(%s, 4490))) WHERE id = %s",
            [shapely.to_wkb(plot), licence_id],
        )


def plot_of(licence: Licence) -> shapely.Geometry | None:
    """The land the licence is about, EPSG:4490 (lon, lat)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(plot) FROM documents_licence WHERE id = %s", [licence.pk])
        row = cursor.fetchone()
    return shapely.from_wkb(bytes(row[0])) if row and row[0] is not None else None


# -- the file, its seal, and into force -------------------------------------------------------------------------------


def filled(licence: Licence, request: IssueRequest) -> dict[str, Any]:
    """What a template of a licence is filled with; a person's code stands masked on paper too."""
    kind = kind_of(licence.kind)
    code = licence.holder_code_masked if licence.holder_kind == PERSON else request.holder.code
    return {
        **request.filled_with,
        "number": licence.number, "identifier": licence.identifier, "version": licence.version, "kind_zh": kind.name_zh,
        "issued_on": licence.issued_on.isoformat(), "valid_to": licence.valid_to.isoformat() if licence.valid_to else "",
        "issuer": {"code": licence.issuer_code, "name_zh": licence.issuer_zh},
        "holder": {"name": licence.holder_name, "kind": licence.holder_kind, "code": code},
        "project_code": licence.project_code, "division": licence.division_code, "facts": licence.facts,
        "facts_list": [[name.partition("|")[0], value] for name, value in licence.ordered_facts],
    }  # fmt: skip


def _finished(
    principal: Principal, licence: Licence, request: IssueRequest, reason: str = "", act: str = "replaced"
) -> Licence:
    if licence.state != State.ISSUING:
        return licence
    place = f"licence:{licence.pk}"
    title = request.title_zh or kind_of(licence.kind).name_zh
    plain = templates.render(
        principal, request.template, filled(licence, request), key=f"{place}:plain", kind="licence", subject=licence.subject,
        title_zh=title, number=licence.number, proof=proofs.proof_of(licence.identifier),
    )  # fmt: skip
    if request.seal is None:
        Licence.objects.filter(pk=licence.pk, state=State.ISSUING).update(pdf=plain)
        licence.refresh_from_db()
        return licence
    paper = sealed_papers.sealed(
        principal, plain, request.seal, key=f"{place}:sealed", place=place, office=licence.issuer_zh
    )
    return _in_force(principal, licence, paper, reason, act)


@transaction.atomic
def _in_force(principal: Principal, licence: Licence, sealed: Document, reason: str, act: str) -> Licence:
    licence = locked(licence.pk)
    if licence.state != State.ISSUING:
        return licence
    if licence.previous_id is not None:
        old = locked(licence.previous_id)
        if old.state != State.REPLACED:  # revoked meanwhile: `move` refuses, and the new one stays as it is
            move(principal, old, act, reason)
    licence.state, licence.pdf = State.VALID, sealed
    licence.save(update_fields=["state", "pdf"])
    note(principal, licence, "issued", State.ISSUING, reason)
    return licence
