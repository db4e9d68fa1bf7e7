"""House API of permissions and labels, ``/api/security/…``: the services of the pages, the same refusals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from pydantic import ConfigDict

from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.catalogue.permissions import answers, labelled, names, people, suggestions
from kunyu.engines.catalogue.permissions.label_pages import find
from kunyu.engines.security import explain, grant_services, label_services, roles, scope, zones
from kunyu.engines.security.errors import UnknownUser
from kunyu.engines.security.explain import Question
from kunyu.engines.security.grant_errors import BadGrant
from kunyu.engines.security.grant_services import Wanted
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Role, User
from kunyu.engines.security.scope import Principal

router = Router(tags=["security"])
Action = Literal["see", "query", "download", "edit", "approve"]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


class Strict(Schema):
    """Nothing but the fields named: an unknown one is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class LabelIn(Strict):
    secrecy: int = Field(2, ge=0, le=5)
    grading: int = Field(0, ge=0, le=2)
    sharing: int = Field(1, ge=0, le=2)

    def point(self) -> Label:
        return Label(self.secrecy, self.grading, self.sharing)


class GrantIn(Strict):
    """Either ``user`` (account) or ``role`` (code)."""

    user: str = Field("", max_length=60)
    role: str = Field("", max_length=40)
    actions: list[Action] = Field(min_length=1, max_length=5)
    branch: str = Field("", max_length=40)
    division: str = Field("", max_length=12)
    within_post: bool = False
    ceiling: LabelIn = LabelIn(secrecy=2, grading=0, sharing=1)
    reveals: list[Literal["name", "document", "phone", "address"]] = []
    expires_at: datetime | None = None
    reason: str = Field(max_length=300)


class ReasonIn(Strict):
    reason: str = Field("", max_length=500)


class ProposalIn(Strict):
    collection: str = Field(max_length=60)
    label: LabelIn
    reason: str = Field(max_length=500)
    basis: str = Field("", max_length=300)
    secret_until: date | None = None


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined,no-any-return]


def named_person(principal: Principal, username: str) -> User:
    """The person of the administrator's divisions with this account; himself too, to be refused by name."""
    grant_services.require_administrator(principal)
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None or not (people.of(principal).filter(pk=found.pk).exists() or found.pk == principal.user_id
                             or found.division_code.startswith(principal.duty_division)):  # fmt: skip
        raise UnknownUser(f"本辖区没有账号 {username}。", f"There is no account {username} in your divisions.")
    return found


def wanted_of(principal: Principal, given: GrantIn) -> Wanted:
    """The wish of a document; whether it may be granted is decided by the service."""
    grant_services.require_administrator(principal)
    if not names.known(given.branch):
        raise BadGrant(f"目录中没有 {given.branch}。", f"The catalogue has no {given.branch}.", branch=given.branch)
    if given.expires_at is not None and given.expires_at.tzinfo is None:
        raise BadGrant("期限没有时区。", "The end has no time zone.")
    return Wanted(
        actions=tuple(given.actions), user=named_person(principal, given.user) if given.user else None,
        role=roles.find(given.role) if given.role else None, branch=given.branch, division=given.division,
        within_post=given.within_post, ceiling=given.ceiling.point(), reveals=tuple(given.reveals),
        expires_at=given.expires_at, reason=given.reason,
    )  # fmt: skip


@router.get("/roles")
def list_roles(request: HttpRequest) -> list[dict[str, Any]]:
    """Every role."""
    grant_services.require_administrator(_principal(request))
    return [answers.role(one) for one in Role.objects.all()]


@router.get("/grants")
def list_grants(
    request: HttpRequest, user: str = "", role: str = "", branch: str = "", limit: Limit = 100, offset: Offset = 0
) -> dict[str, Any]:
    """Grants on data of the caller's divisions, newest first."""
    found = grant_services.visible(_principal(request)).select_related("user", "role").order_by("-pk")
    for lookup, value in (("user__username", user), ("role__code", role), ("branch__startswith", branch)):
        found = found.filter(**{lookup: value}) if value else found
    page = list(found[offset : offset + limit + 1])
    return {"grants": [answers.grant(one) for one in page[:limit]], "more": len(page) > limit}


@router.post("/grants")
def add_grants(request: HttpRequest, given: GrantIn) -> dict[str, Any]:
    """Grant several actions at once; what stands already in the same words is answered, not doubled."""
    principal = _principal(request)
    made = grant_services.add(principal, wanted_of(principal, given))
    return {"granted": [answers.grant(one) for one in made.added], "already": [one.pk for one in made.already]}


@router.post("/grants/{grant_id}/revoke")
def revoke_grant(request: HttpRequest, grant_id: int, given: ReasonIn) -> dict[str, Any]:
    """Take one grant back; it ends at once."""
    return {"revoked": grant_services.revoke(_principal(request), [grant_id], given.reason)}


@router.get("/access/why")
def why(request: HttpRequest, user: str, dataset: str, action: Action = "see", division: str = "") -> dict[str, Any]:
    """May a person do something to a dataset, and through or for want of what? Anybody may ask about himself."""
    principal = _principal(request)
    if principal.user_id is not None and principal.name == user:
        person = User.objects.get(pk=principal.user_id)
        scope.resolve(principal, dataset, scope.SEE, public=_public(dataset))
    else:
        person = named_person(principal, user)
    return answers.answer(explain.why(Question(person, dataset, action, division, _public(dataset))))


def _public(dataset: str) -> bool:
    return Dataset.objects.filter(code=dataset.partition(".")[0], is_public=True).exists()


@router.get("/access/who")
def who(
    request: HttpRequest,
    dataset: str,
    action: Action = "see",
    division: str = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Who may do something to a dataset in the caller's divisions, and through what."""
    principal = _principal(request)
    grant_services.require_administrator(principal)
    rows = explain.who(dataset, action, division).filter(
        grant_services.touching("division", principal.duty_division)
    ).select_related("user", "role", "post__organisation").order_by("user_id", "id")  # fmt: skip
    page = list(rows[offset : offset + limit + 1])
    return {
        "ways": [answers.source(one) for one in page[:limit]],
        "more": len(page) > limit,
        "public": _public(dataset),
    }


@router.get("/labels")
def list_labels(
    request: HttpRequest, state: Literal["", "proposed", "approved", "rejected", "replaced"] = "", collection: str = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Labels and proposals, newest first."""
    page = list(labelled.rows(_principal(request), state, collection)[offset : offset + limit + 1])
    return {"labels": [answers.labelled(one) for one in page[:limit]], "more": len(page) > limit}


@router.post("/labels")
def propose_label(request: HttpRequest, given: ProposalIn) -> dict[str, Any]:
    """Propose a label for a dataset that the caller answers for."""
    proposal = Proposal(given.collection, given.label.point(), given.reason, given.basis, given.secret_until)
    return answers.labelled(label_services.propose(proposal, _principal(request)))


@router.post("/labels/{label_id}/approve")
def approve_label(request: HttpRequest, label_id: int, given: ReasonIn) -> dict[str, Any]:
    """Put a proposal in force: a security administrator who did not propose it."""
    return answers.labelled(label_services.approve(label_id, _principal(request), given.reason))


@router.post("/labels/{label_id}/reject")
def reject_label(request: HttpRequest, label_id: int, given: ReasonIn) -> dict[str, Any]:
    """Return a proposal with a reason."""
    return answers.labelled(label_services.reject(label_id, _principal(request), given.reason))


@router.get("/labels/{code}/advice")
def label_advice(request: HttpRequest, code: str) -> list[dict[str, Any]]:
    """What the rules advise for a dataset; nothing of it is applied."""
    dataset = find(_principal(request), code)
    return [
        {"rule": one.rule, "label": answers.label(one.label), "reason_zh": one.reason[0], "reason_en": one.reason[1],
         "source": one.source, "verified": one.verified}
        for one in suggestions.of(dataset)
    ]  # fmt: skip


@router.get("/zone")
def zone(request: HttpRequest) -> dict[str, Any]:
    """The zone of this node and its ceiling."""
    grant_services.require_administrator(_principal(request))
    here = zones.current_zone()
    return {"code": here.code, "name_zh": here.name_zh, "name_en": here.name_en, "ceiling": answers.label(here.ceiling)}
