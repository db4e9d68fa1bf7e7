"""A registered service through this node: rights, secrets, addresses, and what a bad service may do. R-138."""

from __future__ import annotations

from typing import Any

import pytest

from kunyu.engines.catalogue.register.tests.other_node import KEY
from kunyu.engines.maps.proxy.addresses import base_of, inward, outward
from kunyu.kernel.outbound import OutboundRefused


@pytest.fixture
def publish(people: dict[str, Any], entry: Any) -> Any:
    from kunyu.engines.catalogue.register import services

    def publishing(**changes: Any) -> Any:
        made = services.register(people["steward"], entry(**changes))
        return services.act(people["steward"], made.code, "publish")

    return publishing


def test_under_this_nodes_rights_and_without_anybodys_secrets(publish: Any, sign_in: Any, other: Any) -> None:
    """The provider's key is added and hidden again; the caller's token and cookies stay here, theirs stay there."""
    publish(secret=KEY, secret_place="query:tk")
    viewer = sign_in("viewer")
    viewer.cookies["mine"] = "1"
    answer = viewer.get("/proxy/relief/?service=WMS&request=GetCapabilities")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "http://testserver/proxy/relief/wms" in text and other.address not in text and KEY not in text
    path, headers = other.asked[-1]
    assert f"tk={KEY}" in path and "authorization" not in headers and "cookie" not in headers
    assert "Set-Cookie" not in answer and answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private")
    assert viewer.get("/proxy/relief/wms?request=GetMap").content == b"\x89PNG picture"


def test_who_may_not_query_the_data_gets_nothing(publish: Any, sign_in: Any, other: Any) -> None:
    from django.test import Client

    publish()
    assert sign_in("stranger").get("/proxy/relief/").status_code == 404
    assert Client().get("/proxy/relief/").status_code == 401
    assert Client().get("/proxy/none-such/").status_code == 401
    assert sign_in("viewer").get("/proxy/none-such/").status_code == 404
    assert sign_in("viewer").post("/proxy/relief/").status_code == 405
    assert not other.asked


def test_reads_through_the_proxy_are_on_record(publish: Any, sign_in: Any) -> None:
    from kunyu.engines.security.models import AuditEntry

    publish()
    sign_in("viewer").get("/proxy/relief/?request=GetMap")
    assert AuditEntry.objects.filter(actor="viewer", object_id="10401-003", action__startswith="read").exists()


def test_another_endpoint_is_asked_when_the_first_is_away(publish: Any, sign_in: Any, other: Any) -> None:
    """A refused connection and a 5xx lead to the next address; when all fail, a sentence and 502."""
    publish(addresses=("http://127.0.0.1:9/geo/wms", f"{other.address}/geo/wms"))
    answer = sign_in("viewer").get("/proxy/relief/?request=GetMap")
    assert answer.status_code == 200 and answer["Kunyu-Endpoint"] == other.address
    other.is_down = True
    gone = sign_in("viewer").get("/proxy/relief/?request=GetMap")
    assert gone.status_code == 502 and gone.json()["code"] == "service_away"


def test_a_service_that_hangs_or_points_at_the_node_itself(
    publish: Any, sign_in: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither blocks the node nor leads back into it; a request that came from this node is stopped."""
    from kunyu.engines.catalogue.register import settings as register_settings

    monkeypatch.setenv("KUNYU_SERVICES_SECONDS", "1.5")
    register_settings.services_settings.cache_clear()
    publish(code="slow", addresses=(f"{other.address}/hangs",))
    assert sign_in("viewer").get("/proxy/slow/").status_code == 502
    own = (other.address.rsplit(":", 1)[1],)
    monkeypatch.setattr(register_settings, "_own_places", lambda: frozenset({("127.0.0.1", int(own[0]))}))
    publish(code="itself")
    refused = sign_in("viewer").get("/proxy/itself/")
    assert refused.status_code == 422 and refused.json()["code"] == "outbound_refused"
    looped = sign_in("viewer").get("/proxy/slow/", headers={"Via": "1.1 kunyu"})
    assert looped.status_code == 422


def test_a_page_of_the_other_side_never_runs_as_ours(publish: Any, sign_in: Any, other: Any) -> None:
    publish(addresses=(f"{other.address}/page",))
    answer = sign_in("viewer").get("/proxy/relief/")
    assert answer["Content-Disposition"] == "attachment" and "sandbox" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    "rest", ["../admin", "a/../../b", "%2e%2e/x", "%252e%252e/x", "http://elsewhere/", "..%5cx", "/etc", "a\\b"]
)
def test_nobody_climbs_out_of_a_service(rest: str) -> None:
    with pytest.raises(OutboundRefused):
        outward("wms", "http://other.example/geo/wms", rest, "")


def test_addresses_outward_and_back() -> None:
    """Parameters of the registered address stay unless the client names them; our token is never passed on."""
    wms = "http://other.example/geo/wms?map=a"
    assert outward("wms", wms, "", "request=GetMap&token=ky_x") == "http://other.example/geo/wms?map=a&request=GetMap"
    assert outward("wms", wms, "", "MAP=b") == "http://other.example/geo/wms?MAP=b"
    tiles = "http://other.example/t/{z}/{x}/{y}.png?k=1"
    assert outward("xyz", tiles, "3/6/2.png", "") == "http://other.example/t/3/6/2.png?k=1"
    with pytest.raises(OutboundRefused):
        outward("xyz", tiles, "3/6", "")
    assert base_of("https://other.example/a/tileset.json?x=1") == "https://other.example/a/"
    body = rb'{"u":"https:\/\/other.example\/a\/b.b3dm","v":"http://other.example/a/c"}'
    ours = inward(body, "application/json", "https://other.example/a/tileset.json", "https://node/proxy/x/")
    assert ours == rb'{"u":"https:\/\/node\/proxy\/x\/b.b3dm","v":"https://node/proxy/x/c"}'
    assert inward(body, "image/png", "https://other.example/a/t", "https://node/") is body
