"""The entrance of the hall: found by name and code, honest about what can be applied for, the same for ten thousand."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kunyu.engines.matters.definitions import shipped
from kunyu.engines.matters.definitions.editions import content_of, edition_in_use, publish
from kunyu.engines.matters.hall import matters_list
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.security import scope, services
from kunyu.engines.security.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue() -> None:
    shipped.load(scope.operator("tests"))


@pytest.fixture
def few() -> None:
    shipped.load(scope.operator("tests"), ["S-001", "S-002", "S-018", "S-034"])


def page(address: str, client: Client | None = None) -> str:
    answer = (client or Client()).get(address)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return answer.content.decode()


def names(text: str) -> list[str]:
    listed = text.split('class="hp-areas"')[1]
    return re.findall(r'<li><a href="/hall/matters/([^"]+)">', listed)


@pytest.mark.usefixtures("catalogue")
def test_everybody_sees_every_matter_of_this_network():
    found = names(page("/hall/"))
    here = matters_list.shown().count()
    assert len(found) == len(set(found)) == here >= 53
    assert "共 " in page("/hall/") and f"{here} 项" in re.sub(r"\s+", " ", page("/hall/"))


@pytest.mark.usefixtures("catalogue")
def test_a_matter_is_found_by_name_code_and_english():
    for asked, code in (("用地预审", "S-001"), ("s-001", "S-001"), ("Pre-approval+site", "S-001"), ("12336", "S-055")):
        assert names(page(f"/hall/?q={asked}")) == [code]


@pytest.mark.usefixtures("catalogue")
def test_what_can_be_applied_for_here_is_marked_and_can_be_asked_for():
    open_here = list(Matter.objects.filter(is_open=True).values_list("code", flat=True))
    assert {"S-001", "S-002", "S-006"} <= set(open_here)
    text = page("/hall/?open=1")
    assert sorted(names(text)) == sorted(open_here)
    assert text.split('class="hp-areas"')[1].count("网上可办") == len(open_here)


@pytest.mark.usefixtures("catalogue")
def test_areas_and_kinds_narrow_and_are_counted():
    text = page("/hall/?area=302")
    assert names(text) == ["S-044", "S-045", "S-046", "S-047", "S-048", "S-049"]
    assert names(page("/hall/?area=302&kind=20")) == ["S-049"]
    assert names(page("/hall/?area=nonsense&kind=zz&page=-3")) == names(page("/hall/"))


@pytest.mark.usefixtures("few")
def test_nothing_found_says_where_to_go_on_and_words_are_neither_markup_nor_patterns():
    text = page("/hall/?q=没有这样的事项")
    assert names(text) == [] and "没有找到这样的事项" in text and 'href="/hall/"' in text
    assert "<b id=x>" not in page("/hall/?q=%3Cb+id%3Dx%3E")
    assert names(page("/hall/?q=%25")) == [] and names(page("/hall/?q=_")) == []
    assert len(names(page("/hall/"))) == 4


@pytest.mark.usefixtures("catalogue")
def test_a_matter_of_another_network_is_not_here(settings):
    bound = MatterEdition.objects.filter(definition__has_key="zones", state="published")
    assert bound.count() == 2
    for edition in bound:
        is_here = settings.KUNYU_ZONE in edition.definition["zones"]
        assert (edition.matter.code in names(page("/hall/"))) is is_here
        assert Client().get(f"/hall/matters/{edition.matter.code}").status_code == (200 if is_here else 404)


@pytest.mark.usefixtures("few")
def test_who_is_signed_in_finds_his_own_applications():
    assert "/hall/mine/" in page("/hall/")
    user = User.objects.create_user("u-somebody", "a-long-password-2026", name_zh="某人")
    client = Client()
    client.force_login(user)
    assert "我的申报和办件" in page("/hall/", client) and "注册账号" not in page("/hall/", client)
    assert "注册账号" in page("/hall/")


def _many(count: int) -> None:
    definition = json.dumps({"levels": ["county"], "filler": "x" * 4000})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO matters_matter (code, basic_code, name_zh, name_en, kind, pack, branch, is_open) "
            "SELECT 'L-' || lpad(i::text, 5, '0'), '', '地方事项' || i, 'local matter ' || i, '20', '', '30' || (2 + i %% 7), false "
            "FROM generate_series(1, %s) AS i",
            [count],
        )
        cursor.execute(
            "INSERT INTO matters_matteredition (matter_id, number, division_code, state, definition, flow, decisions, overlay, "
            "digest, made_by, made_at, published_by, reason) "
            "SELECT id, 1, '', 'published', %s, '', '{}', '{}', code, 't', now(), 't', '' FROM matters_matter "
            "WHERE code LIKE 'L-%%'",
            [definition],
        )


def test_ten_thousand_matters_come_a_page_at_a_time_with_few_questions():
    _many(10_000)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        text = page("/hall/")
    assert len(names(text)) == matters_list.PER_PAGE and "1 / 167" in re.sub(r"\s+", " ", text)
    assert len(asked) <= 8
    last = page("/hall/?page=167")
    assert len(names(last)) == 10_000 - 166 * matters_list.PER_PAGE and 'rel="next"' not in last
    assert names(page("/hall/?page=99999")) == names(last)
    assert len(names(page("/hall/?q=地方事项9999"))) == 1


# -- the guide --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few")
def test_the_guide_of_a_whole_matter_says_what_to_bring_and_how_to_apply():
    text = page("/hall/matters/S-001")
    for said in (
        "申请材料",
        "规划选址论证报告",
        "免提交",
        "承诺 15 个工作日",
        "不收费",
        "政务服务中心自然资源综合窗口",
        "<svg",
    ):
        assert said in text, said
    assert 'action="/hall/apply"' in text and 'name="matter" value="S-001"' in text
    assert "指南缺少的要素" not in text


@pytest.mark.usefixtures("few")
def test_what_may_be_applied_for_together_is_offered_with_it():
    text = page("/hall/matters/S-002")
    offered = re.findall(r'type="checkbox" name="matter" value="([^"]+)"', text)
    assert "S-001" in offered and "S-002" not in offered
    assert not set(offered) - set(Matter.objects.filter(is_open=True).values_list("code", flat=True))


@pytest.mark.usefixtures("few")
def test_a_matter_that_cannot_be_applied_for_says_whom_to_ask():
    text = page("/hall/matters/S-034")
    assert 'action="/hall/apply"' not in text and "12345" in text and "怎么办理" in text


@pytest.mark.usefixtures("few")
def test_what_a_guide_lacks_is_for_staff_only():
    officer = User.objects.create_user("officer", "a-long-password-2026")
    services.grant(officer, ["see"], actor=scope.operator("tests"), branch="30701")
    client = Client()
    client.force_login(officer)
    assert "指南缺少的要素" in page("/hall/matters/S-034", client)
    assert "指南缺少的要素" not in page("/hall/matters/S-034")
    assert "指南缺少的要素" not in page("/hall/matters/S-018", client)


@pytest.mark.usefixtures("few")
def test_a_division_has_its_own_words():
    from dataclasses import replace

    content = content_of(edition_in_use("S-001"))
    publish(
        scope.operator("tests"), replace(content.definition, promised_days=7, window_zh="坤舆县三号窗口"), content.flow,
        content.tables, division="990101",
    )  # fmt: skip
    here = page("/hall/matters/S-001?division=990101001")
    assert "承诺 7 个工作日" in here and "坤舆县三号窗口" in here and 'name="division" value="990101001"' in here
    assert "承诺 15 个工作日" in page("/hall/matters/S-001?division=990102")
    assert "承诺 15 个工作日" in page("/hall/matters/S-001?division=nonsense")
    assert 'option value="990101"' in page("/hall/matters/S-001")


@pytest.mark.usefixtures("few")
def test_an_unknown_matter_is_not_there():
    assert Client().get("/hall/matters/S-999", headers={"Accept": "text/html"}).status_code == 404
