"""What a spreadsheet would change, and what is wrong with it, row by row; nothing is written here. 导入核对.

Everything needed is fetched in a fixed number of queries; rows are then judged in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q
from django.utils import timezone

from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.models import Division, Organisation
from kunyu.engines.security import account_services, managing, organisation_services
from kunyu.engines.security.account_services import AccountEntry
from kunyu.engines.security.import_sheets import BY_KEY, Row
from kunyu.engines.security.models import AdminDuty, Appointment, Post, User
from kunyu.engines.security.organisation_services import UnitEntry
from kunyu.engines.security.scope import Principal

_KINDS = {label: value for value, label in Organisation.Kind.choices} | {
    value: value for value in Organisation.Kind.values
}


@dataclass(frozen=True)
class Fault:
    """One thing wrong: where it stands, the value found, and in ``text`` the limit and the remedy."""

    sheet: Pair
    row: int
    column: Pair
    value: str
    text: Pair


@dataclass
class Tally:
    """Rows of one sheet by what they would do."""

    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass
class Plan:
    """New and changed records in the order of the file, and everything wrong with it.

    Keys: units by code, posts by (unit code, name), users by user name.
    """

    faults: list[Fault] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=lambda: {key: Tally() for key in BY_KEY})
    units_new: dict[str, tuple[UnitEntry, str]] = field(default_factory=dict)
    units_changed: list[Organisation] = field(default_factory=list)
    posts_new: dict[tuple[str, str], str] = field(default_factory=dict)
    posts_changed: list[Post] = field(default_factory=list)
    users_new: dict[str, AccountEntry] = field(default_factory=dict)
    users_changed: list[User] = field(default_factory=list)
    appointments: list[tuple[str, tuple[str, str], date]] = field(default_factory=list)

    @property
    def changes(self) -> int:
        return sum(one.new + one.changed for one in self.tallies.values()) + len(self.appointments)

    def blame(self, row: Row, key: str, zh: str, en: str) -> None:
        sheet = BY_KEY[row.sheet]
        self.faults.append(Fault(sheet.title, row.number, sheet.column(key), row[key], (zh, en)))


@dataclass
class Known:
    """What stands in the database of everything the file names."""

    prefix: str
    units: dict[str, Organisation]
    uscc: dict[str, str]
    divisions: set[str]
    posts: dict[tuple[str, str], Post]
    users: dict[str, User]
    administrators: set[int]
    held: set[tuple[str, tuple[str, str]]]


def plan(principal: Principal, rows: dict[str, list[Row]]) -> Plan:
    """Judge every row as the administrator; with any fault nothing may be applied."""
    known, found = _known(principal, rows), Plan()
    _units(rows["units"], known, found)
    _posts(rows["posts"], known, found)
    _users(rows["users"], known, found)
    return found


def _known(principal: Principal, rows: dict[str, list[Row]]) -> Known:
    codes = {row[key] for sheet in rows.values() for row in sheet for key in ("code", "parent", "unit") if row[key]}
    uscc = {row["uscc"].upper() for row in rows["units"] if row["uscc"]}
    divisions = {row["division_code"] for sheet in rows.values() for row in sheet if row["division_code"]}
    units = {one.code: one for one in Organisation.objects.filter(code__in=codes)}
    names = {row["username"] for row in rows["users"]}
    users = {one.username: one for one in User.objects.filter(username__in=names)}
    posts = Post.objects.filter(organisation__code__in=codes).select_related("organisation")
    by_key = {(one.organisation.code, one.name_zh): one for one in posts}
    running = Appointment.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=timezone.localdate()), user__username__in=names
    ).values_list("user__username", "post__organisation__code", "post__name_zh")  # fmt: skip
    return Known(
        prefix=managing.reach(principal),
        units=units,
        uscc={one.uscc or "": one.code for one in Organisation.objects.filter(uscc__in=uscc)},
        divisions=set(Division.objects.filter(code__in=divisions).values_list("code", flat=True)),
        posts=by_key,
        users=users,
        administrators=set(AdminDuty.objects.filter(user__in=users.values()).values_list("user_id", flat=True)),
        held={(name, (code, post)) for name, code, post in running},
    )


def _units(rows: list[Row], known: Known, found: Plan) -> None:
    first: dict[str, Row] = {}
    for row in rows:
        if row["code"] in first:
            found.blame(row, "code", f"与第 {first[row['code']].number} 行重复，请删去一行。",
                        f"The same as row {first[row['code']].number}; drop one.")  # fmt: skip
        else:
            first[row["code"]] = row
    divisions: dict[str, str] = {}
    seen_uscc: dict[str, int] = {}
    for row in _parents_first(first, known, found):
        _unit(row, first, known, found, divisions)
        uscc = row["uscc"].upper()
        if uscc and seen_uscc.setdefault(uscc, row.number) != row.number:
            found.blame(row, "uscc", f"与第 {seen_uscc[uscc]} 行重复。", f"The same as row {seen_uscc[uscc]}.")


def _parents_first(first: dict[str, Row], known: Known, found: Plan) -> list[Row]:
    """Rows so that a parent comes before its children; rings are told and left out."""
    order: list[Row] = []
    state: dict[str, int] = {}  # 1: being walked, 2: done
    for start in first:
        chain: list[str] = []
        code = start
        while code in first and state.get(code) is None:
            state[code] = 1
            chain.append(code)
            code = first[code]["parent"]
        if code in first and state.get(code) == 1:
            found.blame(first[code], "parent", f"单位 {code} 绕回自身，请改正上级单位代码。",
                        f"Organisation {code} leads back to itself; correct the parents.")  # fmt: skip
            state.update(dict.fromkeys(chain, 2))
            continue
        for one in reversed(chain):
            state[one] = 2
            order.append(first[one])
    return order


def _unit(row: Row, first: dict[str, Row], known: Known, found: Plan, divisions: dict[str, str]) -> None:
    stands, parent_code = known.units.get(row["code"]), row["parent"]
    above = known.units.get(parent_code)
    if parent_code and parent_code not in divisions and not (above and above.division_code.startswith(known.prefix)):
        if parent_code not in first:
            found.blame(row, "parent", f"您的管理范围内没有单位 {parent_code}；请先建立或在本表中加上它。",
                        f"There is no organisation {parent_code} under you; make it or add it here.")  # fmt: skip
        return
    if above is not None and above.closed_on is not None:
        found.blame(row, "parent", f"上级单位 {parent_code} 已撤销。", f"The parent {parent_code} is closed.")
    parent_division = divisions.get(parent_code, above.division_code if above else "")
    division = row["division_code"] or (stands.division_code if stands else parent_division)
    divisions[row["code"]] = division
    entry = UnitEntry(
        row["code"], row["name_zh"], _KINDS.get(row["kind"], row["kind"]), row["name_en"],
        division_code=division, uscc=row["uscc"].upper() or None,
    )  # fmt: skip
    wrong = organisation_services.faults(entry, parent_division, known.prefix)
    if row["division_code"] and row["division_code"] not in known.divisions:
        wrong.append(
            ("division_code", f"区划代码 {row['division_code']} 不存在，请查区划代码表。", f"No division {division}.")
        )
    if entry.uscc and known.uscc.get(entry.uscc, entry.code) != entry.code:
        wrong.append(("uscc", f"已登记在单位 {known.uscc[entry.uscc]}。", f"It belongs to {known.uscc[entry.uscc]}."))
    for key, zh, en in wrong:
        found.blame(row, key, zh, en)
    if not wrong:
        _unit_change(row, entry, stands, known, found)


def _unit_change(row: Row, entry: UnitEntry, stands: Organisation | None, known: Known, found: Plan) -> None:
    tally = found.tallies["units"]
    if stands is None:
        found.units_new[entry.code] = (entry, row["parent"])
        tally.new += 1
        return
    if not stands.division_code.startswith(known.prefix):
        found.blame(
            row,
            "code",
            f"代码 {entry.code} 已被管理范围外的单位使用，请换一个。",
            f"Code {entry.code} is taken elsewhere.",
        )
        return
    if stands.closed_on is not None:
        found.blame(row, "code", f"单位 {entry.code} 已撤销，不能导入。", f"Organisation {entry.code} is closed.")
        return
    above = next((one.code for one in known.units.values() if one.pk == stands.parent_id), None)
    if stands.division_code != entry.division_code or (row["parent"] and above != row["parent"]):
        found.blame(row, "parent", f"单位 {entry.code} 的上级或区划与现状不同；请在页面上用“调整隶属”办理。",
                    f"Parent or division of {entry.code} differ from what stands; move it on its page.")  # fmt: skip
        return
    wanted = (entry.name_zh, entry.name_en or stands.name_en, entry.kind, entry.uscc or stands.uscc)
    if wanted == (stands.name_zh, stands.name_en, stands.kind, stands.uscc):
        tally.same += 1
        return
    stands.name_zh, stands.name_en, stands.kind, stands.uscc = wanted
    found.units_changed.append(stands)
    tally.changed += 1


def _unit_is_there(row: Row, known: Known, found: Plan) -> bool:
    """The organisation a post or person is put into: in this file, or open and under the administrator."""
    code = row["unit"]
    stands = known.units.get(code)
    if code in found.units_new or (
        stands and stands.closed_on is None and stands.division_code.startswith(known.prefix)
    ):
        return True
    found.blame(row, "unit", f"您的管理范围内没有在用的单位 {code}；请先建立或在“单位”表中加上它。",
                f"There is no open organisation {code} under you; make it or add it to the first sheet.")  # fmt: skip
    return False


def _posts(rows: list[Row], known: Known, found: Plan) -> None:
    first: dict[tuple[str, str], int] = {}
    tally = found.tallies["posts"]
    for row in rows:
        key = (row["unit"], row["name_zh"])
        if first.setdefault(key, row.number) != row.number:
            found.blame(
                row, "name_zh", f"与第 {first[key]} 行重复，请删去一行。", f"The same as row {first[key]}; drop one."
            )
            continue
        if not _unit_is_there(row, known, found):
            continue
        if not 2 <= len(row["name_zh"]) <= 60:
            found.blame(row, "name_zh", "岗位名称应为 2 至 60 字。", "A post's name has 2 to 60 characters.")
            continue
        stands = known.posts.get(key)
        if stands is None:
            found.posts_new[key] = row["name_en"][:80]
            tally.new += 1
        elif stands.closed_on is not None:
            found.blame(row, "name_zh", "该岗位已撤销，请换一个名称。", "This post is closed; choose another name.")
        elif row["name_en"] and row["name_en"][:80] != stands.name_en:
            stands.name_en = row["name_en"][:80]
            found.posts_changed.append(stands)
            tally.changed += 1
        else:
            tally.same += 1


def _users(rows: list[Row], known: Known, found: Plan) -> None:
    first: dict[str, int] = {}
    for row in rows:
        name = row["username"]
        if first.setdefault(name, row.number) != row.number:
            found.blame(row, "username", f"与第 {first[name]} 行重复；一人多岗请导入后在岗位页任职。",
                        f"The same as row {first[name]}; further posts are given on their pages.")  # fmt: skip
            continue
        if row["unit"] and not _unit_is_there(row, known, found):
            continue
        _user(row, known, found)


def _user(row: Row, known: Known, found: Plan) -> None:
    stands, unit = known.users.get(row["username"]), row["unit"]
    of_unit = found.units_new[unit][0].division_code if unit in found.units_new else (
        known.units[unit].division_code if unit else known.prefix)  # fmt: skip
    entry = AccountEntry(row["username"], row["name_zh"], row["division_code"] or (
        stands.division_code if stands else of_unit))  # fmt: skip
    wrong = account_services.faults(entry, known.prefix)
    if row["division_code"] and row["division_code"] not in known.divisions:
        wrong.append(
            ("division_code", f"区划代码 {row['division_code']} 不存在，请查区划代码表。", "No such division.")
        )
    if stands is not None and not stands.division_code.startswith(known.prefix):
        wrong.append(
            ("username", f"账号 {entry.username} 已被管理范围外的人使用，请换一个。", "The account is taken elsewhere.")
        )
    elif stands is not None and stands.pk in known.administrators:
        wrong.append(("username", f"{entry.username} 是管理员，不能导入。", f"{entry.username} is an administrator."))
    elif stands is not None and not stands.is_active:
        wrong.append(
            ("username", f"账号 {entry.username} 已停用，请先启用。", f"{entry.username} is disabled; enable it first.")
        )
    starts_on = _first_day(row, wrong)
    _post_of(row, known, found, wrong)
    for key, zh, en in wrong:
        found.blame(row, key, zh, en)
    if not wrong:
        _user_change(row, entry, stands, known, found, starts_on)


def _first_day(row: Row, wrong: list[tuple[str, str, str]]) -> date:
    if not row["starts_on"]:
        return timezone.localdate()
    try:
        return date.fromisoformat(row["starts_on"].replace("/", "-"))
    except ValueError:
        wrong.append(("starts_on", f"“{row['starts_on']}”不是日期，请写成 2026-01-31。", "No date; write 2026-01-31."))
        return timezone.localdate()


def _post_of(row: Row, known: Known, found: Plan, wrong: list[tuple[str, str, str]]) -> None:
    if bool(row["unit"]) != bool(row["post"]):
        wrong.append(
            ("post", "单位代码和岗位名称要么都填，要么都不填。", "Fill in both organisation and post, or neither.")
        )
    elif row["post"]:
        key = (row["unit"], row["post"])
        stands = known.posts.get(key)
        if key not in found.posts_new and (stands is None or stands.closed_on is not None):
            wrong.append(("post", f"单位 {row['unit']} 没有在用的岗位“{row['post']}”；请在“岗位”表中加上它。",
                          f"{row['unit']} has no open post “{row['post']}”; add it to the second sheet."))  # fmt: skip


def _user_change(
    row: Row, entry: AccountEntry, stands: User | None, known: Known, found: Plan, starts_on: date
) -> None:  # fmt: skip
    tally = found.tallies["users"]
    key = (row["unit"], row["post"])
    appoints = bool(row["post"]) and (entry.username, key) not in known.held
    if appoints:
        found.appointments.append((entry.username, key, starts_on))
    if stands is None:
        found.users_new[entry.username] = entry
        tally.new += 1
    elif (stands.name_zh, stands.division_code) != (entry.name_zh, entry.division_code):
        stands.name_zh, stands.division_code = entry.name_zh, entry.division_code
        found.users_changed.append(stands)
        tally.changed += 1
    else:
        tally.same += 1
