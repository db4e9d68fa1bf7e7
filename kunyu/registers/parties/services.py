"""Acts on parties: entered once by their code, linked, merged. All or nothing, on record. 相对人登记."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from kunyu.engines.security import audit, masks
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.scope import APPROVE, Principal
from kunyu.kernel.identifiers import BadIdentifier, parse_citizen_id, parse_credit_code
from kunyu.registers.parties import queries
from kunyu.registers.parties.errors import BadParty, CannotMerge
from kunyu.registers.parties.models import Party, PartyLink

Kind = Party.Kind


@dataclass(frozen=True)
class Entry:
    """What is known of a party. ``code`` may be missing: such a party is never taken for another."""

    kind: str
    name: str
    code: str = field(default="", repr=False)
    contact: str = ""
    phone: str = field(default="", repr=False)


@dataclass(frozen=True)
class Link:
    """What it has to do with a thing."""

    role: str
    subject: str
    shown: str
    branch: str
    division: str


def enter(principal: Principal, entry: Entry, link: Link | None = None) -> Party:
    """The party with this code, entered when it is new; a changed name is kept beside the former ones.

    Without a code the party of ``link`` is found by the link, so that the same event heard twice makes one record.

    Raises
    ------
    BadParty
        No name, or a code that is wrong.
    """
    _require_good(entry)
    try:
        with transaction.atomic():
            return _entered(principal, entry, link)
    except IntegrityError:  # the same code was entered at the same moment
        with transaction.atomic():
            return _entered(principal, entry, link)


def _entered(principal: Principal, entry: Entry, link: Link | None) -> Party:
    code = entry.code.strip().upper()
    party = _known(entry, code, link)
    if party is None:
        party = Party(
            kind=entry.kind, name=entry.name.strip(), code=code, code_masked=masks.mask(masks.DOCUMENT, code) or "",
            contact=entry.contact.strip(), phone=entry.phone.strip(), created_by=principal.name,
        )  # fmt: skip
        party.save()
        audit.record(principal, "party-entered", "party", party.pk, kind=entry.kind, code=party.code_masked)
    elif party.name != entry.name.strip():
        _rename(principal, party, entry.name.strip())
    if link is not None:
        PartyLink.objects.get_or_create(
            party=party, role=link.role, subject=link.subject,
            defaults={"shown": link.shown[:200], "branch": link.branch, "division_code": link.division},
        )  # fmt: skip
    return party


def _known(entry: Entry, code: str, link: Link | None) -> Party | None:
    found = None
    if code:
        found = Party.objects.filter(matching(Party, "code", code), merged_into=None).first()
    elif link is not None:
        earlier = PartyLink.objects.filter(role=link.role, subject=link.subject, party__name=entry.name.strip()).first()
        found = earlier.party if earlier else None
    return found


def _rename(principal: Principal, party: Party, name: str) -> None:
    party.former_names = [*[one for one in party.former_names if one != name], party.name]
    party.name = name
    party.save(update_fields=["name", "former_names", "changed_at"])
    audit.record(principal, "party-renamed", "party", party.pk)


@transaction.atomic
def merge(principal: Principal, keep_id: int, other_id: int, reason: str) -> Party:
    """Merge ``other`` into ``keep``: its links move, its record stays and points at the one kept.

    Raises
    ------
    UnknownParty, NotAllowed
        One of them is not to be seen, or not this person's to approve.
    CannotMerge
        The same record, different kinds, two different codes, or merged before.
    """
    for one in (keep_id, other_id):
        found = queries.party_of(principal, one)
        if not queries.reached(principal, APPROVE).filter(pk=found.pk).exists():
            raise NotAllowed("您没有合并这些相对人的权限。", "You may not merge these parties.")
    rows = {one.pk: one for one in Party.objects.select_for_update().filter(pk__in=[keep_id, other_id]).order_by("pk")}
    keep = rows[keep_id]
    other = rows.get(other_id, keep)
    _require_mergeable(keep, other, reason)
    for link in list(other.links.all()):
        if keep.links.filter(role=link.role, subject=link.subject).exists():
            link.delete()
        else:
            link.party = keep
            link.save(update_fields=["party"])
    other.merged_into = keep
    other.save(update_fields=["merged_into", "changed_at"])
    if not keep.code and other.code:
        keep.code, keep.code_masked = other.code, other.code_masked
        keep.save(update_fields=["code", "code_index", "code_masked", "changed_at"])
    audit.record(principal, "party-merged", "party", keep.pk, other=other.pk, reason=reason[:400])
    return keep


def _require_mergeable(keep: Party, other: Party, reason: str) -> None:
    if not reason.strip():
        raise BadParty("请写明合并的理由。", "Give the reason for merging.", field="reason")
    if keep.pk == other.pk or keep.kind != other.kind or keep.merged_into_id or other.merged_into_id:
        raise CannotMerge(
            f"相对人 {keep.pk} 与 {other.pk} 不能合并：须是同类、未合并过的两条记录。",
            f"Parties {keep.pk} and {other.pk} cannot be merged: they are one, of two kinds, or merged already.",
        )
    if keep.code and other.code and keep.code != other.code:
        raise CannotMerge(
            f"相对人 {keep.pk} 与 {other.pk} 的证件号码不同，不是同一主体。",
            f"Parties {keep.pk} and {other.pk} bear different codes: they are not one.",
        )


def _require_good(entry: Entry) -> None:
    if not entry.name.strip() or entry.kind not in Kind.values:
        raise BadParty("请填写相对人的名称和类型。", "Give the party's name and kind.", field="name")
    code = entry.code.strip().upper()
    if not code:
        return
    try:
        if entry.kind == Kind.PERSON:
            parse_citizen_id(code)
        else:
            parse_credit_code(code)
    except BadIdentifier as error:
        raise BadParty(error.detail_zh, error.detail_en, field="code", reason=error.reason) from error
