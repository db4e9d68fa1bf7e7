"""Applicants of cases are entered by themselves, once, also when the event is heard again."""

from __future__ import annotations

import pytest
from django.utils import timezone

from kunyu.engines.matters.definitions.editions import publish
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.models import Application, Case
from kunyu.engines.security.scope import operator
from kunyu.kernel.outbox.models import Event
from kunyu.registers.parties import handlers
from kunyu.registers.parties.models import Party, PartyLink

pytestmark = pytest.mark.django_db
USCC, BRANCH = "91350100M000100Y43", "30401-001"


def case(number: str, name: str, code: str, kind: str = "organisation") -> Case:
    edition = publish(operator("tests"), Definition(
        code="T-902", name_zh="试验事项", name_en="Trial", kind="01", levels=("county",), branch=BRANCH, basis=("《试验法》",),
        form={"type": "object", "properties": {"use": {"type": "string", "title": "用途", "x-title-en": "Use"}}},
    ), reason="试验")  # fmt: skip
    applied = Application.objects.create(
        key=number, division_code="990101", matters=["T-902"], applicant_kind=kind, applicant_name=name, applicant_code=code,
        created_by="tests",
    )  # fmt: skip
    return Case.objects.create(
        number=number, application=applied, matter=edition.matter, edition=edition, branch=BRANCH, division_code="990101",
        county="990101", applicant_name=name, submitted_at=timezone.now(),
    )  # fmt: skip


def heard(one: Case) -> None:
    for sequence in (1, 1, 2):
        handlers.case_changed(
            Event(topic="matters.case_changed", payload={"case": one.pk, "sequence": sequence, "act": "x"})
        )


def test_an_applicant_is_entered_and_linked_once() -> None:
    heard(case("990101202611230001", "坤舆县医院", USCC))
    heard(case("990101202611230002", "坤舆县医院", USCC))
    assert Party.objects.get().code == USCC
    assert sorted(PartyLink.objects.values_list("role", "subject", "division_code")) == [
        ("applicant", "case:990101202611230001", "990101"), ("applicant", "case:990101202611230002", "990101"),
    ]  # fmt: skip


def test_a_wrong_code_is_left_out_and_a_nameless_case_enters_nobody() -> None:
    heard(case("990101202611230001", "甲", "91350100M000100Y44"))
    heard(case("990101202611230002", " ", USCC))
    assert [(one.name, one.code) for one in Party.objects.all()] == [("甲", "")]
    handlers.case_changed(Event(topic="matters.case_changed", payload={"case": 999_999, "sequence": 1, "act": "x"}))
