"""Import from a spreadsheet: told row by row, all or nothing, twice is once, thousands of rows in seconds (R-035)."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import account_services, import_sheets, organisation_import
from kunyu.engines.security.import_plan import Plan
from kunyu.engines.security.models import Appointment, AuditEntry, Invitation, Post, User
from kunyu.engines.security.organisation_errors import AlreadyDone, BadEntry, UnknownUnit
from kunyu.engines.security.tests.administration import PASSWORD, World, entered, send, today

pytestmark = pytest.mark.django_db
Lines = Sequence[Sequence[object]]

UNITS = [
    ["X", "林业局", "", "自然资源主管部门", "C", "990102", ""],
    ["X-1", "资源科", "Resources", "内设机构", "X", "", ""],
]
POSTS = [["X-1", "科长", "Head"], ["K-1", "检查岗", ""]]
USERS = [["wang", "王工", "990102", "X-1", "科长", "2026-01-31"], ["sun", "孙工", "", "", "", ""]]


@pytest.fixture
def world(db: None) -> World:
    return World()


def book(units: Lines = (), posts: Lines = (), users: Lines = ()) -> bytes:
    """A workbook with the headings of the template."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for sheet, lines in zip(import_sheets.SHEETS, (units, posts, users), strict=True):
        page = made.create_sheet(sheet.title[0])
        page.append([one.title[0] + "*" * one.needed for one in sheet.headings])
        for line in lines:
            page.append(list(line))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def checked(world: World, content: bytes, name: str = "a.xlsx") -> Plan:
    return organisation_import.check(world.system, organisation_import.receive(world.system, name, content))


def applied(world: World, content: bytes) -> Plan:
    return organisation_import.apply(world.system, organisation_import.receive(world.system, "a.xlsx", content).pk)


def state() -> tuple[object, ...]:
    return (
        sorted(Organisation.objects.values_list("code", "name_zh", "path", "division_code")),
        sorted(Post.objects.values_list("organisation__code", "name_zh", "name_en")),
        sorted(User.objects.values_list("username", "name_zh", "division_code")),
        sorted(Appointment.objects.values_list("user__username", "post__name_zh", "starts_on")),
    )


def test_a_file_becomes_units_posts_people_and_appointments(world: World) -> None:
    plan = applied(world, book(UNITS, POSTS, USERS))

    assert [(one.new, one.changed, one.same) for one in plan.tallies.values()] == [(2, 0, 0), (2, 0, 0), (2, 0, 0)]
    office = Organisation.objects.get(code="X-1")
    assert office.path == f"{world.city.pk}/{office.parent_id}/{office.pk}/"
    assert (office.parent.code, office.division_code, office.kind) == ("X", "990102", "department")
    held = Appointment.objects.get(user__username="wang")
    assert (str(held.post), held.starts_on.isoformat()) == ("资源科 科长", "2026-01-31")
    assert User.objects.get(username="sun").division_code == "9901"  # none given: the administrator's own
    assert not User.objects.get(username="wang").has_usable_password()
    entry = AuditEntry.objects.get(action="import")
    assert entry.detail["rows"]["users"]["new"] == 2 and len(entry.detail["sm3"]) == 64
    assert AuditEntry.objects.get(action="import-create", object_kind="user").detail["items"] == ["wang", "sun"]


def test_the_same_file_twice_changes_nothing(world: World) -> None:
    content = book(UNITS, POSTS, USERS)
    applied(world, content)
    before = state()
    again = applied(world, content)
    assert state() == before
    assert again.changes == 0
    assert [one.same for one in again.tallies.values()] == [2, 2, 2]


def test_changed_names_are_taken_over(world: World) -> None:
    applied(world, book(UNITS, POSTS, USERS))
    units = [[UNITS[0][0], "林业和草原局", *UNITS[0][2:]], UNITS[1]]
    plan = applied(world, book(units, [["X-1", "科长", "Chief"]], [["sun", "孙工程师", "", "", "", ""]]))
    assert [one.changed for one in plan.tallies.values()] == [1, 1, 1]
    assert Organisation.objects.get(code="X").name_zh == "林业和草原局"
    assert User.objects.get(username="sun").name_zh == "孙工程师"


FAULTS = [
    ({"units": [["", "无代码", "", "内设机构", "K", "", ""]]}, "单位", 2, "单位代码", "1 至 24 位"),
    ({"units": [["Y", "甲局", "", "内设机构", "NOPE", "", ""]]}, "单位", 2, "上级单位代码", "没有单位 NOPE"),
    ({"units": [["Y", "甲局", "", "内设机构", "F", "", ""]]}, "单位", 2, "上级单位代码", "没有单位 F"),
    ({"units": [["F", "冒名局", "", "内设机构", "", "9901", ""]]}, "单位", 2, "单位代码", "管理范围外"),
    ({"units": [["Y", "甲局", "", "科室", "K", "", ""]]}, "单位", 2, "类别", "“科室”应为"),
    ({"units": [["Y", "甲局", "", "内设机构", "K", "990102", ""]]}, "单位", 2, "区划代码", "990101"),
    ({"units": [["Y", "甲局", "", "内设机构", "C", "990199", ""]]}, "单位", 2, "区划代码", "不存在"),
    ({"units": [["Y", "甲局", "", "内设机构", "K", "", ""], ["Y", "乙局", "", "内设机构", "K", "", ""]]},
     "单位", 3, "单位代码", "与第 2 行重复"),
    ({"units": [["Y", "甲局", "", "内设机构", "Z", "", ""], ["Z", "乙局", "", "内设机构", "Y", "", ""]]},
     "单位", 2, "上级单位代码", "绕回自身"),
    ({"units": [["K-1", "测绘科", "", "内设机构", "C", "", ""]]}, "单位", 2, "上级单位代码", "调整隶属"),
    ({"posts": [["NOPE", "科长", ""]]}, "岗位", 2, "单位代码", "没有在用的单位 NOPE"),
    ({"posts": [["K-1", "长", ""]]}, "岗位", 2, "岗位名称", "2 至 60 字"),
    ({"users": [["Wang Gong", "王工", "", "", "", ""]]}, "用户", 2, "账号", "小写字母"),
    ({"users": [["operator", "王工", "", "", "", ""]]}, "用户", 2, "账号", "保留"),
    ({"users": [["sec", "安全员", "", "", "", ""]]}, "用户", 2, "账号", "是管理员"),
    ({"users": [["sys2", "外市", "", "", "", ""]]}, "用户", 2, "账号", "管理范围外"),
    ({"users": [["wang", "王工", "9902", "", "", ""]]}, "用户", 2, "区划代码", "不在您的管理范围"),
    ({"users": [["wang", "王工", "", "K-1", "", ""]]}, "用户", 2, "岗位名称", "都填"),
    ({"users": [["wang", "王工", "", "K-1", "司机", ""]]}, "用户", 2, "岗位名称", "没有在用的岗位“司机”"),
    ({"users": [["wang", "王工", "", "", "", "三月"]]}, "用户", 2, "任职起日", "不是日期"),
]  # fmt: skip


@pytest.mark.parametrize(("sheets", "sheet", "row", "column", "words"), FAULTS)
def test_a_fault_names_row_value_limit_and_remedy_and_stops_everything(
    world: World, sheets: dict[str, Lines], sheet: str, row: int, column: str, words: str
) -> None:
    content = book(**{"posts": [["K-1", "好岗位", ""]]} | sheets)
    faults = checked(world, content).faults
    told = [(one.sheet[0], one.row, one.column[0], one.text[0], one.text[1]) for one in faults]
    assert any((a, b, c) == (sheet, row, column) and words in zh and en for a, b, c, zh, en in told), told
    before = state()
    with pytest.raises(BadEntry, match="没有导入任何内容"):
        applied(world, content)
    assert state() == before and not AuditEntry.objects.filter(action="import").exists()


def test_what_became_wrong_after_the_check_is_refused(world: World) -> None:
    """Judged again at the moment of writing: somebody else was faster."""
    draft = organisation_import.receive(world.system, "a.xlsx", book(users=[["wang", "王工", "", "", "", ""]]))
    assert organisation_import.check(world.system, draft).faults == []
    made = account_services.create(world.system, account_services.AccountEntry("wang", "另一个王工", "9901"))
    account_services.disable(world.system, made.user.pk, "误建")
    with pytest.raises(BadEntry):
        organisation_import.apply(world.system, draft.pk)
    assert User.objects.get(username="wang").name_zh == "另一个王工"


def test_a_draft_is_its_senders_and_is_applied_once(world: World) -> None:
    draft = organisation_import.receive(world.system, "a.xlsx", book(UNITS))
    with pytest.raises(UnknownUnit):
        organisation_import.apply(world.other, draft.pk)
    organisation_import.apply(world.system, draft.pk)
    with pytest.raises(AlreadyDone):
        organisation_import.apply(world.system, draft.pk)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_csv_of_one_kind_is_read(world: World, encoding: str) -> None:
    text = "账号,姓名,区划代码\nwang,王工,9901\n"
    plan = checked(world, text.encode(encoding), "users.csv")
    assert not plan.faults and list(plan.users_new) == ["wang"]


def _bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (import_sheets.LARGEST_UNPACKED + 1))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 not a workbook", "读不出"), (b"\x89PNG\r\n\x00\xff\xfe", "不是 .xlsx"), (b"", "没有数据行"),
        ("甲,乙\n1,2\n".encode(), "认不出"), ("账号,姓名,密码\na,b,c\n".encode(), "不认识的列“密码”"),
        ("账号,姓名,账号\n".encode(), "出现两次"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_refused_in_words(world: World, content: bytes, words: str) -> None:
    with pytest.raises(BadEntry, match=words):
        checked(world, content, "a.csv")


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused(world: World) -> None:
    with pytest.raises(BadEntry, match="解压后过大"):
        checked(world, _bomb())


def test_the_template_is_read_by_its_own_rules(world: World) -> None:
    rows = import_sheets.read("t.xlsx", import_sheets.template())
    assert {key: len(lines) for key, lines in rows.items()} == {"units": 1, "posts": 1, "users": 1}


def test_five_thousand_rows_in_seconds_without_a_query_per_row(world: World) -> None:
    units = [
        [f"U{n}", f"第{n}科", "", "内设机构", "K" if n % 50 == 0 else f"U{n - n % 50}", "", ""] for n in range(1500)
    ]
    posts = [[f"U{n}", "科员", ""] for n in range(1500)]
    users = [[f"u{n:05}", f"人员{n}", "", f"U{n % 1500}", "科员", ""] for n in range(2000)]
    content = book(units, posts, users)
    began = time.process_time()
    with CaptureQueriesContext(connection) as queries:
        plan = applied(world, content)
    seconds = time.process_time() - began
    assert not plan.faults
    assert (Organisation.objects.filter(code__startswith="U").count(), Appointment.objects.count()) == (1500, 2000)
    assert len(queries) < 250  # of them a hundred are audit entries that name two hundred records each
    assert seconds < 20


def test_from_the_upload_to_the_invitations(world: World) -> None:
    client = entered(world.system)
    file = SimpleUploadedFile("单位.xlsx", book(UNITS, POSTS, USERS))
    sent = send(client, "/admin/import/", file=file)
    report = sent["Location"]
    assert "确认导入" in client.get(report).content.decode()
    assert entered(world.other).get(report).status_code == 404
    done = send(client, report)
    assert done["Location"] == report and Organisation.objects.filter(code="X-1").exists()
    assert "已导入" in client.get(report).content.decode()

    links = send(client, report + "invitations").content.decode("utf-8-sig").splitlines()
    assert len(links) == 3 and links[1].startswith("sun,孙工,http://testserver/invitation/")
    token = links[1].rpartition("/")[2]
    account_services.accept(token, PASSWORD, "test")
    assert User.objects.get(username="sun").check_password(PASSWORD)
    assert Invitation.objects.filter(used_at=None).count() == 1

    wrong = send(client, "/admin/import/", file=SimpleUploadedFile("a.txt", b"\xff\xfe\x00"))
    assert wrong.status_code == 422 and "id_file_error" in wrong.content.decode()
    bad = send(client, "/admin/import/", file=SimpleUploadedFile("b.xlsx", book(posts=[["<script>", "岗位", ""]])))
    shown = client.get(bad["Location"]).content.decode()
    assert "岗位第 2 行" in shown and "&lt;script&gt;" in shown and "确认导入" not in shown
    assert send(client, bad["Location"]).status_code in (400, 422)
    assert today()
