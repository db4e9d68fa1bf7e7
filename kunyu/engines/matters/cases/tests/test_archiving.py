"""A closed case is archived with everything it left, and anew after its licence changed."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from kunyu.engines.documents.models import Archive
from kunyu.engines.matters.cases import archiving, sealing, services
from kunyu.engines.matters.cases.tests.world import World
from kunyu.engines.matters.errors import NotArchived
from kunyu.engines.matters.models import Case
from kunyu.engines.security.protection import object_store
from kunyu.kernel.outbox.models import Event

pytestmark = pytest.mark.django_db


def heard(case: Case) -> None:
    for event in Event.objects.filter(payload__case=case.pk, topic="matters.case_changed").order_by("pk"):
        archiving.case_changed(event)


def read(case: Case) -> tuple[list[str], dict[str, Any]]:
    content = object_store().open(archiving.archive_of(case).sm3).read()
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return package.namelist(), json.loads(package.read("metadata.json"))


def granted(world: World) -> Case:
    decided = services.decide(world.as_("decider"), world.to_decide().pk, "grant", "理由", ["《试验法》第一条"])
    return sealing.seal_decision(decided.pk)


def test_an_open_case_has_no_archive(world: World) -> None:
    case = world.to_decide()
    heard(case)
    assert not Archive.objects.exists()
    with pytest.raises(NotArchived, match="尚未归档"):
        archiving.archive_of(case)


def test_a_closed_case_is_archived_once_with_its_licence_and_trace(world: World, seal: Any) -> None:
    case = granted(world)
    heard(case)
    first = archiving.archive_of(case).sm3
    heard(case)
    assert archiving.archive_of(case).sm3 == first and Archive.objects.count() == 1
    names, described = read(case)
    assert names[-2:] == ["SM3SUMS", "SM3SUMS.sig"] and any(name.startswith("documents/") for name in names)
    assert described["subject"] == f"case:{case.number}" and described["licences"][0]["number"] == case.licence_number
    assert [one["what"].split()[0] for one in described["events"]][-2:] == ["sealed", "closed"]
    assert described["records"]["decision"]["basis"] == ["《试验法》第一条"]


def test_revoking_the_licence_makes_it_anew(world: World, seal: Any) -> None:
    case = granted(world)
    heard(case)
    before = archiving.archive_of(case).sm3
    services.revoke(world.as_("decider"), case.pk, "隐瞒情况", "《行政许可法》第六十九条")
    for event in Event.objects.filter(topic="documents.licence_changed").order_by("pk"):
        archiving.licence_changed(event)
    assert archiving.archive_of(case).sm3 != before
    assert read(case)[1]["licences"][0]["state"] == "revoked"
