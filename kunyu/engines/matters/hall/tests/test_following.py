"""An applicant follows his case: told where it stands, what he has to do, what it came to — and nothing of the office's."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from kunyu.engines.documents import ofd_copies
from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.cases import papers, sealing, services
from kunyu.engines.matters.cases.corrections import located
from kunyu.engines.matters.cases.routing import definition
from kunyu.engines.matters.cases.tests.world import NOTICE, SITE, World
from kunyu.engines.matters.hall import course, following
from kunyu.engines.matters.models import Case, CaseEvent, Pause
from kunyu.engines.security import epochs
from kunyu.engines.security.models import AuditEntry, User

pytestmark = pytest.mark.django_db
S = Case.State


class Browser:
    """Somebody at the hall."""

    def __init__(self, user: User) -> None:
        epochs.forget()
        self.client = Client()
        self.client.force_login(user)

    def get(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.content[:3000].decode()
        return answer.content.decode()

    def send(self, address: str, status: int = 302, *, times: int = 1, **given: Any) -> Any:
        """Open the page, fill in its form, send it; ``times``: so many clicks."""
        form = re.search(r"<form class=\"fo-card ky-form\".*?</form>", self.get(address), re.S)
        assert form, address
        hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form[0]))
        for _ in range(times):
            answer = self.client.post(address, {**hidden, **given})
            assert answer.status_code == status, answer.content[:3000].decode()
        return answer


@pytest.fixture
def me(world: World) -> Browser:
    return Browser(world.users["applicant"])


def words(page: str) -> str:
    """What a page says, without its markup and picture of the flow."""
    return re.sub(r"\s+", " ", re.sub(r"<(script|style|svg).*?</\1>|<[^>]+>", " ", page, flags=re.S))


def address(case: Case, rest: str = "") -> str:
    return f"/hall/cases/{case.number}{rest}"


@pytest.mark.parametrize("name", ["other", "clerk", "examiner", "decider", "neighbour"])
def test_for_anybody_else_the_case_does_not_exist(world: World, name: str) -> None:
    """Officers have a page of their own; colleagues and strangers learn nothing, not even that the number exists."""
    case = world.accepted()
    browser = Browser(world.users[name])
    for rest in ("", "/answer", "/withdraw", "/letters/1"):
        assert case.applicant_name not in browser.get(address(case, rest), 404)
    for rest in ("/answer", "/withdraw"):
        assert browser.client.post(address(case, rest), {"text": "x"}).status_code == 404
    assert Case.objects.get(pk=case.pk).state == S.IN_REVIEW


def test_nobody_is_asked_to_sign_in_and_comes_back(world: World) -> None:
    case = world.submitted()
    assert Client().get(address(case)).headers["Location"] == f"/login?next={quote(address(case), safe='')}"


def test_a_submitted_case_says_what_follows_and_by_when(world: World, me: Browser) -> None:
    case = world.submitted()
    said = words(me.get(address(case)))
    assert "已提交，等待受理" in said and "承诺 10 个工作日" in said and "现在还没有开始" in said
    assert re.search(r"应在 20\d\d-\d\d-\d\d（还有 5 个工作日[^）]*）前答复您", said), said


def test_a_running_case_tells_its_last_day_and_its_stages(world: World, me: Browser) -> None:
    case = world.accepted()
    said = words(me.get(address(case)))
    assert "正在办理：审查" in said and f"最迟 {case.due_on}（还有 10 个工作日" in said
    assert "承诺 10 个工作日，已用 0 个。" in said
    assert [(one.title[0], one.state) for one in course.steps(case)] == [
        ("提交申请", "done"), ("受理", "done"), ("审查", "now"), ("规划会审", "ahead"), ("耕地会审", "ahead"),
        ("决定", "ahead"), ("办结，送达结果", "ahead"),
    ]  # fmt: skip
    assert "<ky-flow>" in me.get(address(case)) and 'data-state="waiting"' in me.get(address(case))


def test_a_provisional_day_and_an_overdue_one_are_told_as_such(world: World, me: Browser) -> None:
    case = world.accepted()
    Case.objects.filter(pk=case.pk).update(due_is_provisional=True)
    assert f"暂定：{case.due_on.year} 年的放假安排尚未公布" in words(me.get(address(case)))  # type: ignore[union-attr]
    late = date(2026, 11, 16)
    case.due_on = late
    by = following.standing(case, date(2026, 11, 18)).by
    assert by == (
        "承诺在 2026-11-16（已过 2 个工作日）前办结，现在已经超期。您可以向办理机关询问或投诉。",
        "It was promised by 2026-11-16 (2 workdays ago) and is overdue. You may ask or complain at the office.",
    )
    assert following.last_day(late, late) == ("2026-11-16（就是今天）", "2026-11-16 (today)")


def test_nothing_of_the_office_is_told(world: World, me: Browser) -> None:
    """No opinion, no colleague, no remark between officers; the trace says what was done and when."""
    case = world.submitted()
    services.assign(world.as_("clerk"), case.pk, "clerk2", "内部安排一")
    services.act(world.as_("clerk2"), case.pk, "acceptance", "accept", "内部意见二")
    services.supervise(world.as_("decider"), case.pk, "内部督办三")
    services.claim(world.as_("examiner"), case.pk)
    services.act(world.as_("examiner"), case.pk, "examination", "agree", "内部意见四")
    page = me.get(address(case))
    for secret in ("内部", "clerk", "examiner", "decider", "同志", "督办", "指派"):
        assert secret not in page.replace("applicant同志", ""), secret
    assert [one.what[0] for one in course.trace(case)] == ["审查：已办理", "受理", "提交"]


def test_an_officer_who_applies_is_told_as_an_applicant(world: World) -> None:
    """Whoever may see such cases by right is, at the hall, an applicant like any other."""
    case = world.accepted()
    Case.objects.filter(pk=case.pk).update(applicant_account=world.users["decider"])
    services.supervise(world.as_("decider2"), case.pk, "内部督办")
    assert "内部督办" not in Browser(world.users["decider"]).get(address(case))


# -- correction -------------------------------------------------------------------------------------------------------


def corrected(world: World, *asked: dict[str, str]) -> Case:
    return services.request_correction(world.as_("clerk"), world.submitted().pk, list(asked))


def test_each_thing_asked_for_leads_to_its_page(world: World, me: Browser) -> None:
    case = corrected(world, {"what": "申请表没有盖章"}, {"what": "“用途”与立项文件不一致"}, {"what": "界址点坐标不闭合"},
                     {"what": "营业执照过期", "field": "applicant.code"}, {"what": "其他"})  # fmt: skip
    page = me.get(address(case))
    steps = re.findall(r'href="/hall/applications/\d+/([a-z]+)"', page)
    assert steps == ["materials", "form", "plot", "applicant", "applicant"]
    assert re.findall(r"去改：([^<]+)<", page) == ["材料", "填表", "用地范围", "申请人", "申请内容"]
    said = words(page)
    pause = Pause.objects.get(case=case)
    assert "请您补正" in said and f"最后一天是 {pause.answer_by}" in said and "视为撤回申请" in said
    assert "申请还没有受理，办理时限尚未开始计算。" in said
    assert said.index("申请表没有盖章") < said.index("办理到哪一步")


def test_what_a_sentence_names_is_found(world: World) -> None:
    one = definition(world.submitted())
    assert located(one, {"what": "请补交申请表"}) == {"what": "请补交申请表", "material": "application"}
    assert located(one, {"what": "改用途"})["field"] == "purpose"
    assert located(one, {"what": "x"}) == {"what": "x"}
    assert located(one, {"what": "申请表", "field": "purpose"}) == {"what": "申请表", "field": "purpose"}


def test_a_correction_is_sent_back_once(world: World, me: Browser) -> None:
    """Two clicks answer once; the second is led to the case."""
    case = corrected(world, {"what": "改用途"})
    services.save(world.as_("applicant"), case.application_id, form={"purpose": "仓库", "joint": False})
    answer = me.send(address(case, "/answer"), times=2)
    assert answer.headers["Location"] == address(case)
    case.refresh_from_db()
    assert (case.state, CaseEvent.objects.filter(case=case, act="correction_answered").count()) == (S.SUBMITTED, 1)
    assert "补正已提交，等待受理" in words(me.get(address(case)))
    assert me.client.get(address(case, "/answer")).headers["Location"] == address(case)


def test_what_is_still_missing_keeps_it_from_being_sent(world: World, me: Browser) -> None:
    case = corrected(world, {"what": "改用途"})
    services.save(world.as_("applicant"), case.application_id, form={"joint": False})
    page = me.get(address(case, "/answer"))
    assert "还不能提交" in page and "用途" in words(page) and "确认重新提交" not in page
    case.refresh_from_db()
    assert case.state == S.CORRECTING


def test_a_new_file_for_what_was_asked_is_seen(world: World, me: Browser) -> None:
    import io

    from kunyu.engines.matters.materials.taking import take
    from kunyu.engines.matters.materials.tests.samples import Said, form_pdf

    case = corrected(world, {"what": "申请表没有盖章"})
    assert "已上传新文件" not in me.get(address(case))
    take(world.as_("applicant"), case.application_id, "application", "a.pdf", io.BytesIO(form_pdf(Said())))
    assert "已上传新文件" in me.get(address(case))


def test_a_hearing_stops_the_clock_and_says_so(world: World, me: Browser) -> None:
    case = world.accepted()
    services.pause(world.as_("examiner"), case.pk, "hearing", "相邻权利人申请听证", "《行政许可法》第四十七条")
    said = words(me.get(address(case)))
    assert "已中止：听证" in said and "理由：相邻权利人申请听证（《行政许可法》第四十七条）" in said
    assert "中止期间停止计时，不计入办理时限" in said and ("审查", "held") in [
        (one.title[0], one.state) for one in course.steps(Case.objects.get(pk=case.pk))
    ]


# -- what it came to --------------------------------------------------------------------------------------------------


def decided(world: World, outcome: str = "grant", basis: str = "《试验法》第一条") -> Case:
    case = services.decide(world.as_("decider"), world.to_decide().pk, outcome, "符合规划", [basis], "试验")
    return sealing.seal_decision(case.pk)


def test_the_sealed_licence_is_downloaded_and_proved(world: World, seal: Any, me: Browser) -> None:
    case = decided(world)
    found = Licence.objects.select_related("pdf").get()
    assert "OFD 版式文件正在制作" in me.get(address(case))
    ofd_copies.make(ofd_copies.ACTOR, found, seal)
    page = me.get(address(case))
    assert "已办结：准予" in page and found.number in page and f'href="/verify/{found.identifier}"' in page
    assert re.search(r'<div role="img"[^>]*>\s*<svg', page), "the code is there"
    links = re.findall(r'href="(/hall/cases/\d+/letters/\d+)" download>下载 (PDF|OFD)', page)
    assert [form for _, form in links] == ["PDF", "OFD"]
    for (link, form), begins in zip(links, (b"%PDF", b"PK"), strict=True):
        answer: Any = me.client.get(link)
        assert b"".join(answer.streaming_content).startswith(begins), form
        assert "attachment" in answer.headers["Content-Disposition"]
    assert AuditEntry.objects.filter(action="document-read").count() == 2
    assert "不服怎么办" not in page


def test_a_file_that_is_not_of_the_case_is_not_given(world: World, seal: Any, me: Browser) -> None:
    """Plain drafts, files of other cases and versions that were replaced are not among the papers of a case."""
    mine, other = decided(world), decided(world)
    plain = papers.sent(other).model.objects.filter(is_sealed=False).first()
    foreign = papers.sent(other).first()
    assert plain and foreign
    for one in (plain.pk, foreign.pk, 999_999):
        me.get(address(mine, f"/letters/{one}"), 404)


def test_a_refusal_tells_reason_basis_and_remedies(world: World, seal: Any, me: Browser) -> None:
    case = decided(world, "refuse", "《试验法》第三条")
    page = me.get(address(case))
    said = words(page)
    assert "已办结：不予许可" in said and "符合规划" in said and "《试验法》第三条" in said
    assert "六十日内依法申请行政复议" in said and "六个月内依法向人民法院提起行政诉讼" in said
    assert "尚未与条文核对" in said
    letter = re.search(r'href="(/hall/cases/\d+/letters/\d+)" download>下载 PDF', page)
    assert letter
    answer: Any = me.client.get(letter[1])
    assert b"".join(answer.streaming_content).startswith(b"%PDF")


def test_what_was_not_accepted_and_what_was_revoked_say_why(world: World, seal: Any, me: Browser) -> None:
    case = services.act(world.as_("clerk"), world.submitted().pk, "acceptance", "reject", "不属于本机关职权")
    said = words(me.get(address(case)))
    assert "不予受理" in said and "不属于本机关职权" in said and "申请行政复议" in said
    granted = decided(world)
    services.revoke(world.as_("decider"), granted.pk, "以欺骗手段取得", "《行政许可法》第六十九条")
    said = words(me.get(address(granted)))
    assert "许可已撤销" in said and "以欺骗手段取得" in said and "《行政许可法》第六十九条" in said
    assert "已撤销" in said and "这份证照现在不具效力" in said


def test_until_it_is_sealed_the_licence_is_said_to_be_made(world: World, me: Browser) -> None:
    case = services.decide(
        world.as_("decider"), world.to_decide().pk, "grant", "符合规划", ["《试验法》第一条"], "试验"
    )
    said = words(me.get(address(case)))
    assert "决定：准予" in said and "正在制作证照" in said and "下载 PDF" not in said


# -- withdrawing ------------------------------------------------------------------------------------------------------


def test_a_withdrawal_names_what_is_lost_and_ends_one_case(world: World, me: Browser) -> None:
    first, second = services.submit(world.as_("applicant"), world.application((SITE, NOTICE)).pk)
    page = me.get(address(first))
    assert address(second) in page and "撤回申请" in page
    asked = words(me.get(address(first, "/withdraw")))
    assert (
        "确认后将失去" in asked and f"办件 {first.number}" in asked and second.number in asked and "照常办理" in asked
    )
    me.send(address(first, "/withdraw"), times=2, text="项目取消")
    assert [Case.objects.get(pk=one.pk).state for one in (first, second)] == [S.WITHDRAWN, S.SUBMITTED]
    said = words(me.get(address(first)))
    assert "已撤回" in said and "项目取消" in said and "撤回申请" not in said
    assert me.client.get(address(first, "/withdraw")).headers["Location"] == address(first)


def test_a_decided_case_cannot_be_withdrawn_even_by_an_old_page(world: World, seal: Any, me: Browser) -> None:
    case = world.to_decide()
    form = re.search(r"<form class=\"fo-card ky-form\".*?</form>", me.get(address(case, "/withdraw")), re.S)
    assert form
    hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form[0]))
    services.decide(world.as_("decider"), case.pk, "grant", "符合规划", ["《试验法》第一条"], "试验")
    answer = me.client.post(address(case, "/withdraw"), {**hidden, "text": ""})
    assert answer.status_code == 422 and "在您打开之后已有变化" in answer.content.decode()
    assert Case.objects.get(pk=case.pk).state == S.DECIDED


def test_a_correction_that_lapsed_is_said_to_have(world: World, me: Browser) -> None:
    from kunyu.engines.matters.cases.pausing import lapse_corrections

    case = corrected(world, {"what": "改用途"})
    assert lapse_corrections(timezone.localdate() + timedelta(days=60)) == 1
    said = words(me.get(address(case)))
    assert "视为撤回" in said and "补正期限已过，没有收到补正" in said and "未到" not in said


def test_the_pages_speak_english(world: World, seal: Any, me: Browser) -> None:
    me.client.cookies["django_language"] = "en"
    case = corrected(world, {"what": "stamp"})
    for page in (me.get(address(case)), me.get(address(case, "/answer")), me.get(address(case, "/withdraw"))):
        told = words(page).replace("中文", "")
        assert not re.search("办理|时限|补正|撤回|受理", told.replace("English", "")), told
