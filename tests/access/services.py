"""A registered service and an application for the access tests, and who may ask what of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from kunyu.engines.catalogue.register.models import Application, Service, ServiceEndpoint

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

PARCELS = "10401-003"
SERVICE = "tests-relief"
KNOW = frozenset({"viewer", "downloader", "editor", "cleared", "neighbour"})
"""Who may see parcels anywhere knows of their service; who delivers or approves them in its division manages it."""
MANAGE = frozenset({"editor", "cleared"})
PARTIES = frozenset({"viewer", "cleared"})


def build(applicant_id: int, markup: str) -> int:
    """Commit both; the number of the application."""
    one = Service.objects.create(
        code=SERVICE, name_zh=f"晕渲{markup}", description=markup, kind="wms", collection=PARCELS, producer_zh=markup,
        division_code="990101", state="published", created_by="somebody", attribution=markup,
    )  # fmt: skip
    ServiceEndpoint.objects.create(service=one, address="http://127.0.0.1:9/wms", reason_zh=markup)
    one.events.create(actor="somebody", act="register", reason=markup)
    return Application.objects.create(
        applicant_id=applicant_id, name=f"gis{markup}", purpose=markup, collections=[PARCELS], division_code="990101",
        per_minute=5, per_day=50, until=timezone.localdate() + timedelta(days=30),
    ).pk  # fmt: skip


def _service(done_by: frozenset[str] | None = None, **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [
            Sample({"code": SERVICE, **more}, "", None, KNOW, done_by or KNOW),
            Sample({"code": "none-such", **more}, "", None, frozenset(), frozenset()),
        ]

    return made


def _application(done_by: frozenset[str] | None = None, **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [
            Sample({"number": world.application, **more}, "", None, PARTIES, done_by or PARTIES),
            Sample({"number": 999_999, **more}, "", None, frozenset(), frozenset()),
        ]

    return made


def rules() -> dict[str, Rule]:
    """The register's routes."""
    from tests.access.rules import Rule

    managed, decided = _service(MANAGE), _application(frozenset({"cleared"}))
    reason, decision = {"reason": "试验"}, {"approve": True, "per_minute": 5, "per_day": 50}
    return {
        "services/": Rule("signed in"),
        "services/new": Rule("signed in"),
        "services/uses/": Rule("signed in"),
        "services/keys/": Rule("signed in"),
        "services/keys/apply": Rule("signed in"),
        "services/keys/<int:number>/": Rule("data", samples=_application()),
        "services/keys/<int:number>/<key_act:act>": Rule(
            "data", write="act", body=decision, samples=_application(frozenset({"cleared"}), act="approve")
        ),
        "services/<slug:code>/": Rule("data", samples=_service()),
        "services/<slug:code>/edit": Rule("data", write="act", samples=managed),
        "services/<slug:code>/<service_act:act>": Rule(
            "data", write="act", body=reason, samples=_service(MANAGE, act="check")
        ),
        "api/services": Rule("signed in"),
        "api/services/uses": Rule("signed in"),
        "api/services/applications": Rule("signed in"),
        "api/services/applications/<number>": Rule("data", samples=_application()),
        "api/services/applications/<number>/decide": Rule("data", write="act", body=decision, samples=decided),
        "api/services/applications/<number>/key": Rule(
            "data", write="act", samples=_application(frozenset({"viewer"}))
        ),
        "api/services/<code>": Rule("data", samples=_service()),
        **{
            f"api/services/<code>/{act}": Rule("data", write="act", body=reason, samples=managed)
            for act in ("check", "publish", "suspend", "withdraw")
        },
        "proxy/<slug:code>/": Rule("data", samples=_service()),
        "proxy/<slug:code>/<path:rest>": Rule("data", samples=_service(rest="x")),
    }
