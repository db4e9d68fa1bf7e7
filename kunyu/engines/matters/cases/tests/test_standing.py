"""What is known of the applicant's identity is kept with the application, and the clerk reads it at the head of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.models import Application
from kunyu.engines.security import applicants
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.models import ApplicantAccount
from kunyu.engines.security.scope import Principal

if TYPE_CHECKING:
    from kunyu.engines.matters.cases.tests.world import World


def account(world: World, code: str) -> ApplicantAccount:
    """The applicant of the world has an account of the public under this code."""
    return ApplicantAccount.objects.create(
        user=world.users["applicant"], kind="organisation", name="试验建设有限公司", code=code, code_masked=code
    )


def verify(world: World, code: str) -> None:
    given = Applicant("organisation", "试验建设有限公司", code, "王经办")
    applicants.verified(Principal("tests"), given, "platform", own=world.users["applicant"])


@pytest.mark.parametrize(("is_verified", "words"), [(False, "未实名核验，请核对证件"), (True, "已由统一身份认证核验")])
def test_the_clerk_reads_whether_the_applicant_was_verified(world: World, is_verified: bool, words: str) -> None:
    from kunyu.engines.matters.cases.tests.world import code_of_company

    account(world, code_of_company())
    if is_verified:
        verify(world, code_of_company())
    case = world.submitted()
    kept = Application.objects.get(pk=case.application_id).applicant_standing
    assert kept == ("verified" if is_verified else "unverified")
    clerk = Client()
    clerk.force_login(world.users["clerk"])
    assert words in clerk.get(f"/cases/{case.number}").content.decode()


def test_a_verified_account_that_applies_for_another_is_unverified_there(world: World) -> None:
    account(world, "91990101MA0KUNY0X1")
    verify(world, "91990101MA0KUNY0X1")
    case = world.submitted()
    assert Application.objects.get(pk=case.application_id).applicant_standing == "unverified"


def test_what_was_known_at_submission_stays_when_the_account_is_verified_later(world: World) -> None:
    from kunyu.engines.matters.cases.tests.world import code_of_company

    account(world, code_of_company())
    case = world.submitted()
    verify(world, code_of_company())
    assert Application.objects.get(pk=case.application_id).applicant_standing == "unverified"


def test_a_counter_looks_at_documents_itself(world: World) -> None:
    from kunyu.engines.matters.cases.tests.world import HERE, PLOT, SITE, code_of_company

    clerk = world.as_("clerk")
    one = services.begin(clerk, [SITE], HERE, "counter", counter_county=HERE)
    services.save(
        clerk, one.pk, form={"purpose": "厂房", "joint": False}, plot=PLOT, plot_source="画",
        applicant={"kind": "organisation", "name": "试验建设有限公司", "code": code_of_company()},
    )  # fmt: skip
    services.submit(clerk, one.pk)
    assert Application.objects.get(pk=one.pk).applicant_standing == ""
