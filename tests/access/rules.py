"""Who may ask what: every route of the node, declared. A route that is not here fails the tests.

``samples`` are the addresses tried, each with the subject it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kunyu.engines.security import scope
from tests.access import (
    acceptance,
    analysis,
    cases,
    coverages,
    evidence,
    features,
    hall,
    maps,
    materials,
    matters,
    portal,
    registers,
    seals,
    services,
)
from tests.access.world import MINE, PARCELS, STRICT, STRICTER, THEIRS, Subject, World

Kind = Literal["open", "signed in", "data", "duty", "own"]
Values = dict[str, object]


@dataclass(frozen=True)
class Sample:
    """Values of an address's parameters, a query string, and what the address is about."""

    values: Values = field(default_factory=dict)
    query: str = ""
    subject: Subject | None = None
    seen_by: frozenset[str] | None = None
    """Names of the roles that may know of it, where no data decide; ``done_by`` those that may act on it."""
    done_by: frozenset[str] | None = None
    change_query: str = ""
    """Query string of unsafe methods, where it says what is changed."""


@dataclass(frozen=True)
class Rule:
    """``kind``: open to anybody; any signed-in person; data under a right; administrators; one's own things.

    ``everywhere``: the address names nothing of a division; ``whole``: it concerns the whole node, so only an
    administrator of the whole node gets in, one of a part sees that it exists.
    ``act`` is the right that reading needs, ``write`` the one that unsafe methods need, ``body`` what they are sent, so
    that refusing the body never hides a missing refusal of the person. ``change`` is ``write`` of an address that is
    read as well.
    """

    kind: Kind
    act: str = scope.SEE
    write: str = ""
    change: str = ""
    duty: tuple[str, ...] = ()
    everywhere: bool = False
    whole: bool = False
    body: Mapping[str, object] = field(default_factory=dict)
    samples: Callable[[World], list[Sample]] = lambda world: [Sample()]


def _collections(query: str = "", **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        return [
            Sample({"collection_id": PARCELS, **more}, query, MINE),
            Sample({"collection_id": PARCELS, **more}, query, THEIRS),
            Sample({"collection_id": STRICTER, **more}, query, STRICT),
            Sample({"collection_id": "99999-999", **more}, query),
        ]

    return made


def _items(world: World) -> list[Sample]:
    return [
        Sample({"collection_id": PARCELS}, "limit=500", MINE, change_query="county=990101"),
        Sample({"collection_id": PARCELS}, "limit=500", THEIRS, change_query="county=990102"),
        Sample({"collection_id": STRICTER}, "limit=500", STRICT, change_query="county=990101"),
        Sample({"collection_id": "99999-999"}, "limit=500"),
    ]


def _features(world: World) -> list[Sample]:
    named = (
        (PARCELS, "990101211000000020", MINE),
        (PARCELS, "990102211000000001", THEIRS),
        (STRICTER, "990101105100000001", STRICT),
    )
    return [Sample({"collection_id": c, "feature_id": f}, "", s) for c, f, s in named]


def _tiles(world: World) -> list[Sample]:
    # zoom 12 over 113.02 E 34.52 N (OGC row, column), and the neighbour's a degree east
    place = {"grid_id": "WebMercatorQuad", "zoom": 12, "row": 1629}
    query = "properties=BSM"
    return [
        Sample({"collection_id": PARCELS, **place, "column": 3333}, query, MINE),
        Sample({"collection_id": PARCELS, **place, "column": 3345}, query, THEIRS),
        Sample({"collection_id": STRICTER, **place, "column": 3333}, query, STRICT),
    ]


def _deliveries(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        return [
            Sample({"delivery_id": world.ours, **more}, "", MINE),
            Sample({"delivery_id": world.theirs, **more}, "", THEIRS),
            Sample({"delivery_id": 999_999, **more}),
        ]

    return made


def _exceptions(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        return [
            Sample({"number": world.exception_ours, **more}, "", MINE),
            Sample({"number": world.exception_theirs, **more}, "", THEIRS),
            Sample({"number": 999_999, **more}),
        ]

    return made


def _findings(world: World) -> list[Sample]:
    return [
        Sample({"delivery_id": world.ours, "finding_id": world.finding_ours}, "", MINE),
        Sample({"delivery_id": world.theirs, "finding_id": world.finding_theirs}, "", THEIRS),
        Sample({"delivery_id": 999_999, "finding_id": world.finding_ours}),
    ]


def _packs(world: World) -> list[Sample]:
    survey = {"standard": "TDT1057-2020"}
    return [Sample({**survey, "division": "990101"}, "", MINE), Sample({**survey, "division": "990102"}, "", THEIRS)]


def _verifications(world: World) -> list[Sample]:
    return [
        Sample({"number": world.verification}, "", MINE),
        Sample({"number": world.verification_theirs}, "", THEIRS),
        Sample({"number": 999_999}),
    ]


def _versions(world: World) -> list[Sample]:
    found = ((world.version_ours, MINE), (world.version_theirs, THEIRS), (world.version_strict, STRICT))
    return [Sample({"version_id": pk}, "", subject) for pk, subject in found]


def _datasets(world: World) -> list[Sample]:
    return [Sample({"code": PARCELS}, "", MINE), Sample({"code": STRICTER}, "", STRICT)]


def _with(query: str, **values: object) -> Callable[[World], list[Sample]]:
    return lambda world: [Sample(dict(values), query)]


def _only(seen_by: set[str], done_by: set[str] | None = None, **values: str) -> Callable[[World], list[Sample]]:
    """One thing of the world, named by the attribute of :class:`World` that holds its id."""

    def made(world: World) -> list[Sample]:
        found = {name: getattr(world, attribute) for name, attribute in values.items()}
        nothing = dict.fromkeys(found, "none-such" if "key" in found else 999_999)
        return [
            Sample(found, "", None, frozenset(seen_by), frozenset(seen_by if done_by is None else done_by)),
            Sample(nothing, "", None, frozenset()),
        ]

    return made


def _task(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        return [
            Sample({"task_id": world.task, **more}, "", None, frozenset({"cleared"})),
            Sample({"task_id": world.duty_task, **more}, "", None, frozenset({"security", "security-whole"})),
            Sample({"task_id": 999_999, **more}, "", None, frozenset()),
        ]

    return made


def _incident(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        seen_by, done_by = frozenset({"viewer", "downloader", "editor", "cleared"}), frozenset({"editor", "cleared"})
        return [
            Sample({"incident_id": world.incident, **more}, "", None, seen_by, done_by),
            Sample({"incident_id": 999_999, **more}, "", None, frozenset(), frozenset()),
        ]

    return made


REASON = {"reason": "试验", "how": "试验", "why": "试验", "outcome": "done", "note": "试验"}

WORKLIST: dict[str, Rule] = {
    "api/worklist/changes": Rule("signed in"),
    "api/worklist/session": Rule("signed in"),
    "api/worklist/tasks": Rule("signed in"),
    "api/worklist/tasks/<int:task_id>": Rule("own", samples=_task()),
    "api/worklist/tasks/<int:task_id>/takers": Rule("own", samples=_task()),
    **{
        f"api/worklist/tasks/<int:task_id>/{act}": Rule("own", write="act", body=REASON, samples=_task())
        for act in ("assign", "cancel", "claim", "complete", "hand-over", "release")
    },
    "api/worklist/tasks/hand-over-everything": Rule("signed in"),
    "api/worklist/notifications": Rule("signed in"),
    "api/worklist/notifications/read-all": Rule("signed in"),
    "api/worklist/notifications/<int:notification_id>/read": Rule(
        "own", write="act", samples=_only({"viewer"}, notification_id="notification")
    ),
    "api/worklist/preferences": Rule("signed in"),
    "api/worklist/preferences/contact": Rule("signed in"),
    "api/worklist/preferences/wish": Rule("signed in"),
    "api/worklist/progress": Rule("signed in"),
    "api/worklist/progress/<path:key>": Rule("own", samples=_only({"viewer"}, key="progress")),
    "api/worklist/messages": Rule("duty", duty=("system",), everywhere=True),
    "api/worklist/messages/<int:message_id>/send-again": Rule(
        "duty", duty=("system",), everywhere=True, samples=_with("", message_id=999_999)
    ),
    "api/worklist/incidents": Rule("signed in"),
    "api/worklist/incidents/<int:incident_id>": Rule("own", samples=_incident()),
    **{
        f"api/worklist/incidents/<int:incident_id>/{act}": Rule("own", write="act", body=REASON, samples=_incident())
        for act in ("acknowledge", "assign", "close", "resolve")
    },
    "tasks/": Rule("signed in"),
    "tasks/leave": Rule("signed in"),
    "tasks/<task_list:which>/": Rule("signed in", samples=_with("", which="claimable")),
    "tasks/<int:task_id>": Rule("own", samples=_task()),
    "tasks/<int:task_id>/<task_act:act>": Rule("own", write="act", body=REASON, samples=_task(act="claim")),
    "notifications/": Rule("signed in"),
    "notifications/read-all": Rule("signed in"),
    "notifications/settings": Rule("signed in"),
    "notifications/<int:notification_id>": Rule("own", samples=_only({"viewer"}, notification_id="notification")),
    "notifications/undelivered/": Rule("duty", duty=("system",), everywhere=True),
    "notifications/undelivered/<int:message_id>/again": Rule(
        "duty", duty=("system",), everywhere=True, samples=_with("", message_id=999_999)
    ),
    "incidents/": Rule("signed in"),
    "incidents/<int:incident_id>": Rule("own", samples=_incident()),
    "incidents/<int:incident_id>/<incident_act:act>": Rule(
        "own", write="act", body=REASON, samples=_incident(act="acknowledge")
    ),
    "views/save": Rule("signed in"),
    "views/<int:view_id>/delete": Rule(
        "own", samples=lambda world: [Sample({"view_id": 999_999}, "", None, frozenset())]
    ),
}

_NOT_MINE = lambda name: lambda world: [Sample({name: 999_999}, "", None, frozenset())]  # noqa: E731

ACCOUNT: dict[str, Rule] = {
    ".well-known/change-password": Rule("open"),
    "login/certificate": Rule("open"),
    "login/certificate/challenge": Rule("open"),
    "login/national": Rule("open"),
    "login/national/return": Rule("open"),
    "login/passkey": Rule("open"),
    "login/passkey/options": Rule("open"),
    "login/second": Rule("open"),
    **{
        f"account/{rest}": Rule("signed in")
        for rest in (
            "", "certificates", "confirm", "factors", "factors/authenticator", "factors/authenticator/confirm",
            "factors/authenticator/remove", "factors/passkey", "factors/passkey/options", "factors/recovery",
            "password", "profile", "sessions/end-others", "tokens",
        )
    },
    "account/certificates/<int:certificate_id>/remove": Rule("own", write="act", samples=_NOT_MINE("certificate_id")),
    "account/factors/passkey/<int:passkey_id>/remove": Rule("own", write="act", samples=_NOT_MINE("passkey_id")),
    "account/sessions/<int:session_id>/end": Rule("own", write="act", samples=_only({"viewer"}, session_id="session")),
    "account/tokens/<int:token_id>/revoke": Rule("own", write="act", samples=_NOT_MINE("token_id")),
}  # fmt: skip


def _viewer(world: World) -> list[Sample]:
    return [Sample({"user_id": world.users["viewer"]})]


def _viewer_certificate(world: World) -> list[Sample]:
    return [Sample({"user_id": world.users["viewer"], "certificate_id": 999_999})]


def _named(**names: str) -> Callable[[World], list[Sample]]:
    return lambda world: [Sample({name: getattr(world, attribute) for name, attribute in names.items()})]


SYSTEM, SECURITY = ("system",), ("security",)
_OF_UNIT, _OF_POST = _named(unit_id="unit"), _named(post_id="post")

ORGANISATION: dict[str, Rule] = {
    "admin/": Rule("duty", duty=("system", "security", "audit"), everywhere=True),
    "admin/administrators/": Rule("duty", duty=("system", "security", "audit"), everywhere=True),
    "admin/administrators/new": Rule("duty", duty=("system", "security", "audit"), everywhere=True),
    "admin/administrators/<int:duty_id>/dismiss": Rule(
        "own", samples=lambda world: [Sample({"duty_id": 999_999}, "", None, frozenset())]
    ),
    "admin/appointments/<int:appointment_id>/end": Rule(
        "own", samples=lambda world: [Sample({"appointment_id": 999_999}, "", None, frozenset())]
    ),
    **{
        f"admin/{rest}": Rule("duty", duty=SYSTEM, everywhere=True)
        for rest in (
            "handovers/", "import/", "import/template.xlsx", "organisations/", "organisations/chart",
            "organisations/new", "posts/", "users/", "users/new",
        )
    },
    "admin/handovers/<int:handover_id>/": Rule(
        "own", samples=lambda world: [Sample({"handover_id": 999_999}, "", None, frozenset())]
    ),
    "admin/import/<int:draft_id>/": Rule(
        "own", samples=lambda world: [Sample({"draft_id": 999_999}, "", None, frozenset())]
    ),
    "admin/import/<int:draft_id>/invitations": Rule(
        "own", samples=lambda world: [Sample({"draft_id": 999_999}, "", None, frozenset())]
    ),
    **{
        f"admin/organisations/<int:unit_id>/{act}": Rule("duty", duty=SYSTEM, samples=_OF_UNIT)
        for act in ("", "close", "move", "posts/new", "rename")
    },
    **{
        f"admin/posts/<int:post_id>/{act}": Rule("duty", duty=SYSTEM, samples=_OF_POST)
        for act in ("", "appoint", "close", "rename")
    },
    **{
        f"admin/users/<int:user_id>/{act}": Rule("duty", duty=SYSTEM, samples=_viewer)
        for act in ("", "correct", "disable", "enable", "invite", "leave", "reset")
    },
    "admin/post-roles/": Rule("duty", duty=SECURITY, everywhere=True),
    "admin/post-roles/<int:post_id>/": Rule("duty", duty=SECURITY, samples=_OF_POST),
    "invitation/<str:token>": Rule("open", samples=_with("", token="none-such")),
}  # fmt: skip

AUDIT = ("audit",)
OWNERS = frozenset({"editor", "cleared", "neighbour", "outsider", "security", "security-elsewhere", "security-whole"})
"""Who answers for some data (may deliver or approve), and the security administrators."""
OWNERS_OF_PARCELS = frozenset({"editor", "cleared", "neighbour", "security", "security-elsewhere", "security-whole"})


def _label(*codes: str) -> Callable[[World], list[Sample]]:
    return lambda world: [Sample({"code": code}, "", None, OWNERS_OF_PARCELS) for code in codes]


def _role_of_a_county(world: World) -> list[Sample]:
    """Its grants lie in 990101: administrators of other divisions see it and leave it alone."""
    known = frozenset({"security", "security-elsewhere", "security-whole"})
    return [Sample({"code": "tests-role"}, "", None, known, known - {"security-elsewhere"})]


WHO_MAY_ASK_WHY = frozenset({"viewer", "security", "security-whole"})
"""A person about himself, and the security administrators of his division."""
GRANT = {"user": "a-viewer", "branch": "1", "division": "990101", "actions": ["see"], "reason": "试验"}
WHY = {"reason": "试验"}
LABEL = {"collection": PARCELS, "label": {"secrecy": 2, "grading": 0, "sharing": 1}, "reason": "试验"}

PERMISSIONS: dict[str, Rule] = {
    **{
        f"admin/{rest}": Rule("duty", duty=SECURITY, everywhere=True)
        for rest in ("access/", "grants/", "grants/new", "grants/revoke", "people/", "roles/", "roles/new", "zone/")
    },
    "admin/roles/<slug:code>/": Rule("duty", duty=SECURITY, everywhere=True, samples=_with("", code="tests-role")),
    **{
        f"admin/roles/<slug:code>/{act}": Rule("own", write="act", samples=_role_of_a_county)
        for act in ("delete", "edit")
    },
    "admin/labels/": Rule("own", samples=lambda world: [Sample({}, "", None, OWNERS)]),
    "admin/labels/decide": Rule("own", samples=lambda world: [Sample({}, "", None, OWNERS)]),
    "admin/labels/<str:code>/": Rule("own", samples=_label(PARCELS)),
    "admin/labels/<str:code>/propose": Rule("own", samples=_label(PARCELS)),
    "admin/labels/<str:code>/decide": Rule("own", samples=_label(PARCELS)),
    "admin/record-labels/": Rule("own", samples=lambda world: [Sample({}, "", None, OWNERS)]),
    "admin/record-labels/new": Rule("own", samples=lambda world: [Sample({}, "", None, OWNERS)]),
    "admin/record-labels/<int:number>/": Rule(
        "own", samples=lambda world: [Sample({"number": 999_999}, "", None, frozenset())]
    ),
    "admin/record-labels/<int:number>/decide": Rule(
        "own", samples=lambda world: [Sample({"number": 999_999}, "", None, frozenset())]
    ),
    "api/security/roles": Rule("duty", duty=SECURITY, everywhere=True),
    "api/security/zone": Rule("signed in"),
    "api/security/grants": Rule("duty", duty=SECURITY, everywhere=True, body=GRANT),
    "api/security/grants/<grant_id>/revoke": Rule(
        "duty", duty=SECURITY, everywhere=True, body=WHY, samples=_with("", grant_id=999_999)
    ),
    "api/security/access/who": Rule("duty", duty=SECURITY, everywhere=True, samples=_with(f"dataset={PARCELS}")),
    "api/security/access/why": Rule(
        "own", samples=lambda world: [Sample({}, f"user=a-viewer&dataset={PARCELS}", None, WHO_MAY_ASK_WHY)]
    ),
    "api/security/labels": Rule("own", body=LABEL, samples=lambda world: [Sample({}, "", None, OWNERS)]),
    "api/security/labels/<code>/advice": Rule("own", samples=_label(PARCELS)),
    "api/security/labels/<label_id>/approve": Rule(
        "duty", duty=SECURITY, everywhere=True, body=WHY, samples=_with("", label_id=999_999)
    ),
    "api/security/labels/<label_id>/reject": Rule(
        "duty", duty=SECURITY, everywhere=True, body=WHY, samples=_with("", label_id=999_999)
    ),
    **{
        f"audit/{rest}": Rule("duty", duty=AUDIT, everywhere=True, whole=bool(rest))
        for rest in ("", "export", "report/", "seal/", "seal/verify")
    },
    "audit/public-key": Rule("open"),
    "audit/<int:entry_id>/": Rule("duty", duty=AUDIT, everywhere=True, samples=_with("", entry_id=999_999)),
    "audit/people/<str:actor>/": Rule("duty", duty=AUDIT, everywhere=True, samples=_with("", actor="a-viewer")),
    "audit/report/<str:month>/": Rule("duty", duty=AUDIT, whole=True, samples=_with("", month="2026-11")),
    **{
        f"api/audit/{rest}": Rule("duty", duty=AUDIT, everywhere=True, whole=rest != "entries")
        for rest in ("entries", "export", "state")
    },
    "api/audit/entries/<entry_id>": Rule("duty", duty=AUDIT, everywhere=True, samples=_with("", entry_id=999_999)),
}

ADMINISTRATION: dict[str, Rule] = {
    **ORGANISATION,
    **PERMISSIONS,
    "admin/identity/<int:user_id>/": Rule("duty", duty=("system", "security"), samples=_viewer),
    "admin/identity/<int:user_id>/certificates": Rule("duty", duty=("security",), write="act", samples=_viewer),
    "admin/identity/<int:user_id>/certificates/<int:certificate_id>/remove": Rule(
        "duty", duty=("security",), write="act", samples=_viewer_certificate
    ),
    "admin/identity/<int:user_id>/clearance": Rule(
        "duty", duty=("security",), write="act", body={"clearance": "1", "reason": "试验"}, samples=_viewer
    ),
    "admin/identity/<int:user_id>/factors": Rule("duty", duty=("security",), write="act", samples=_viewer),
    "admin/identity/<int:user_id>/sessions": Rule("duty", duty=("system",), write="act", samples=_viewer),
    "admin/identity/<int:user_id>/unlock": Rule("duty", duty=("system",), write="act", samples=_viewer),
}


RULES: dict[str, Rule] = {
    **WORKLIST,
    **ACCOUNT,
    **ADMINISTRATION,
    **evidence.rules(),
    **acceptance.rules(),
    **analysis.rules(),
    **coverages.rules(),
    **maps.rules(),
    **materials.rules(),
    **matters.rules(),
    **cases.rules(),
    **hall.rules(),
    **portal.rules(),
    **registers.rules(),
    **services.rules(),
    **seals.rules(),
    **features.rules(),
    "healthz": Rule("open"),
    "readyz": Rule("open"),
    "ogc": Rule("open"),
    "ogc/": Rule("open"),
    "ogc/conformance": Rule("open"),
    "ogc/api": Rule("open"),
    "ogc/collections": Rule("open"),
    "ogc/tileMatrixSets": Rule("open"),
    "ogc/tileMatrixSets/<str:grid_id>": Rule("open", samples=_with("", grid_id="WebMercatorQuad")),
    "ogc/styles": Rule("open"),
    "ogc/<path:rest>": Rule("open", samples=_with("", rest="x")),
    "ogc/collections/catalogue": Rule("open"),
    "ogc/collections/catalogue/queryables": Rule("open"),
    "ogc/collections/catalogue/items": Rule("open"),
    "ogc/collections/catalogue/items/<str:code>": Rule("data", samples=_datasets),
    "ogc/collections/<str:collection_id>": Rule("data", samples=_collections()),
    "ogc/collections/<str:collection_id>/queryables": Rule("data", samples=_collections()),
    "ogc/collections/<str:collection_id>/items": Rule("data", scope.QUERY, change=scope.EDIT, samples=_items),
    "ogc/collections/<str:collection_id>/items/<str:feature_id>": Rule(
        "data", scope.QUERY, change=scope.EDIT, samples=_features
    ),
    "ogc/collections/<str:collection_id>/tiles": Rule("data", samples=_collections()),
    "ogc/collections/<str:collection_id>/tiles/<str:grid_id>": Rule(
        "data", samples=_collections(grid_id="WebMercatorQuad")
    ),
    "ogc/collections/<str:collection_id>/tiles/<str:grid_id>/<int:zoom>/<int:row>/<int:column>": Rule(
        "data", scope.QUERY, samples=_tiles
    ),
    "ogc/styles/<str:style_id>": Rule(
        "data",
        samples=lambda world: [
            Sample({"style_id": PARCELS}, "", MINE),
            Sample({"style_id": STRICTER}, "", STRICT),
        ],
    ),
    "api/openapi.json": Rule("open"),
    "api/": Rule("open"),
    "api/catalogue/tree": Rule("signed in"),
    "api/catalogue/lineage": Rule(
        "data",
        samples=lambda world: [
            Sample({}, f"version={world.version_ours}", MINE),
            Sample({}, f"version={world.version_theirs}", THEIRS),
            Sample({}, f"version={world.version_strict}", STRICT),
        ],
    ),
    "api/catalogue/search": Rule("signed in"),
    "api/catalogue/datasets/<code>": Rule("data", samples=_datasets),
    "api/catalogue/versions/<version_id>/lineage": Rule("data", samples=_versions),
    "api/catalogue/themes/broken-links": Rule("signed in"),
    "api/deliveries": Rule("signed in"),
    "api/deliveries/<int:delivery_id>": Rule("data", scope.QUERY, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/progress": Rule("data", scope.QUERY, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/findings": Rule("data", scope.QUERY, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/report.<form>": Rule("data", scope.QUERY, samples=_deliveries(form="json")),
    "api/deliveries/<int:delivery_id>/file": Rule("data", scope.DOWNLOAD, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/reference": Rule("data", scope.DOWNLOAD, samples=_deliveries()),
    "api/reference/<standard>/<division>": Rule("data", scope.DOWNLOAD, samples=_packs),
    "api/exceptions": Rule("signed in"),
    "api/exceptions/<int:number>": Rule("data", scope.QUERY, samples=_exceptions()),
    "api/exceptions/<int:number>/finding": Rule("data", scope.QUERY, samples=_exceptions()),
    "exceptions/": Rule("signed in"),
    "exceptions/<int:number>/": Rule("data", scope.QUERY, samples=_exceptions()),
    "exceptions/<int:number>/decide": Rule("data", write=scope.APPROVE, samples=_exceptions()),
    "exceptions/<int:number>/evidence/<int:place>": Rule("data", scope.QUERY, samples=_exceptions(place=0)),
    "deliveries/reference": Rule("signed in", samples=_with("standard=TDT1057-2020&division=990101")),
    "deliveries/<int:delivery_id>/findings/<int:finding_id>/exception": Rule("data", scope.EDIT, samples=_findings),
    "api/deliveries/<int:delivery_id>/publish": Rule("data", write=scope.APPROVE, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/reject": Rule(
        "data", write=scope.APPROVE, body={"why": "试"}, samples=_deliveries()
    ),
    "api/map/layers": Rule("signed in"),
    "api/map/layers/<collection>": Rule(
        "data",
        samples=lambda world: [
            Sample({"collection": PARCELS}, "", MINE),
            Sample({"collection": STRICTER}, "", STRICT),
            Sample({"collection": "99999-999"}),
        ],
    ),
    "api/map/tree": Rule("signed in"),
    "api/map/favourites": Rule("own", body={"collections": []}),
    "api/map/recent": Rule("own", body={"collections": []}),
    "api/map/identify": Rule("signed in", samples=_with("lon=113.0394&lat=34.5004&zoom=16")),
    "api/map/search": Rule("signed in", samples=_with("q=990101211000000010")),
    "api/map/dates": Rule("data", samples=lambda world: [Sample({}, f"collection={PARCELS}", MINE)]),
    "api/map/base": Rule("signed in"),
    "api/map/base/<zoom>/<row>/<column>": Rule("signed in", samples=_with("", zoom=4, row=6, column=13)),
    "api/reference/divisions/<code>/children": Rule("signed in", samples=_with("", code="9901")),
    "api/reference/divisions/<code>": Rule("signed in", samples=_with("", code="990101")),
    "api/reference/search": Rule("signed in", samples=_with("q=坤舆")),
    "i18n/setlang/": Rule("open"),
    "login": Rule("open"),
    "logout": Rule("open"),
    "": Rule("signed in"),
    "api/verifications": Rule("signed in", body={"division": "990199"}),
    "api/verifications/<int:number>": Rule("data", scope.QUERY, samples=_verifications),
    "api/verifications/<int:number>/progress": Rule("data", scope.QUERY, samples=_verifications),
    "api/verifications/<int:number>/findings": Rule("data", scope.QUERY, samples=_verifications),
    "api/verifications/<int:number>/result": Rule("data", scope.QUERY, samples=_verifications),
    "verifications/": Rule("signed in"),
    "verifications/<int:number>/": Rule("data", scope.QUERY, samples=_verifications),
    "deliveries/": Rule("signed in"),
    "deliveries/<int:delivery_id>": Rule("data", scope.QUERY, samples=_deliveries()),
    "deliveries/<int:delivery_id>/": Rule("data", scope.QUERY, samples=_deliveries()),
    "deliveries/<int:delivery_id>/publish": Rule("data", write=scope.APPROVE, samples=_deliveries()),
    "deliveries/<int:delivery_id>/reject": Rule("data", write=scope.APPROVE, samples=_deliveries()),
    "catalogue/": Rule("signed in"),
    "catalogue/<str:code>/": Rule("data", samples=_datasets),
}
