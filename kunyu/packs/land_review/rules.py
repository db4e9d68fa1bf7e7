"""May a pre-approval and site opinion be given? 建设项目用地预审与选址意见书核验规则.

Control lines, plan and areas are judged by the rules of spatial planning; here stands what only this matter asks. Clauses
were recalled, not re-read: no rule is ``verified``.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict
from kunyu.engines.matters.rules.land_kinds import PARCELS, land_kinds
from kunyu.engines.matters.rules.registry import rule

MATTER = "S-001"
SLIVER_M2 = Decimal("1")
"""Areas up to this are digitising noise. [design]"""

VALID_YEARS = 3
LEVELS = {"ministry": "自然资源部", "province": "省级", "city": "市级", "county": "县级"}
LEVELS_EN = {"ministry": "the ministry", "province": "the province", "city": "the city", "county": "the county"}
CENT = Decimal("0.01")


@rule(
    "LR-001", clause="《城乡规划法》(2019) 第三十六条", weight="block",
    fields=("project_procedure", "project_approval_date"),
    name_zh="应在项目批准、核准前申请", name_en="The opinion comes before the project's approval",
)  # fmt: skip
def opinion_comes_before_project_approval(ask: Ask) -> Answer:
    """A project that was approved or ratified already is too late for the opinion; a filed one needs none. 先预审后立项."""
    if ask.form.get("project_procedure") == "filing":
        return conflict(
            "备案类项目不需要申请用地预审与选址意见书。", "A project that is only filed needs no opinion.",
            "撤回申请；按供地程序办理规划条件和建设用地规划许可证",
            "Withdraw; ask for planning conditions and the planning permit",
        )  # fmt: skip
    approved_on = str(ask.form.get("project_approval_date") or "")
    if not approved_on:
        return clear("项目尚未批准、核准。", "The project is not approved or ratified yet.")
    if approved_on > ask.day.isoformat():
        return clear(
            f"项目拟于 {approved_on} 批准、核准，晚于申请日 {ask.day}。",
            f"The project is to be approved on {approved_on}, after the application of {ask.day}.",
        )
    return conflict(
        f"项目已于 {approved_on} 批准、核准，用地预审应在此前申请（申请日 {ask.day}）。",
        f"The project was approved on {approved_on}; the opinion is asked for before (this application: {ask.day}).",
        "核对立项时间；确属补办的，说明原因并由决定机关处理",
        "Check the date of approval; say why the opinion comes late",
    )


@rule(
    "LR-002", clause="自然资规〔2019〕2号 第一条", weight="warn", sums=(PARCELS,),
    name_zh="全部为现状建设用地的不办理预审", name_en="Construction land needs no pre-approval",
)  # fmt: skip
def plot_takes_land_that_is_not_yet_built_on(ask: Ask) -> Answer:
    """Where the survey shows construction land only, there is nothing to pre-approve. 使用已批准建设用地不再办理预审."""
    land = land_kinds(ask)
    if isinstance(land, Answer):
        return land
    measured = (land.agricultural_m2 + land.unused_m2).quantize(CENT)
    if measured > SLIVER_M2:
        return clear(
            f"地块含非建设用地 {measured} m²。", f"{measured} m² of the plot is not construction land.",
            measured=measured, unit="m²", versions=land.versions,
        )  # fmt: skip
    return conflict(
        f"地块内非建设用地仅 {measured} m²（≤ {SLIVER_M2} m²），现状全部为建设用地。",
        f"Only {measured} m² (≤ {SLIVER_M2} m²) of the plot is not construction land.",
        "核对用地批准文件；已依法批准的，仅审查规划选址", "See its approval; if approved, only the choice of site is examined",
        measured=measured, limit=SLIVER_M2, unit="m²", where=ask.plot, versions=land.versions,
    )  # fmt: skip


@rule(
    "LR-003", clause="《建设项目用地预审管理办法》(2016) 第四条", weight="warn", fields=("project_authority",),
    name_zh="预审层级与项目审批层级一致", name_en="The level that approves the project gives the opinion",
)  # fmt: skip
def opinion_is_given_at_the_level_that_approves_the_project(ask: Ask) -> Answer:
    """Higher projects are examined here first and then handed up. 同级预审，分级负责."""
    asked = str(ask.form.get("project_authority", "county"))
    own = level_of(ask.division)
    if asked == own:
        return clear(f"项目由{LEVELS[asked]}审批，本级办理。", f"Approved by {LEVELS_EN[asked]}: decided here.")
    return conflict(
        f"项目由{LEVELS[asked]}审批、核准，本件在{LEVELS[own]}申报。",
        f"{LEVELS_EN[asked].capitalize()} approves the project; it was handed in at {LEVELS_EN[own]}.",
        f"本级初审后转报{LEVELS[asked]}自然资源主管部门",
        f"Examine here, then hand on to {LEVELS_EN[asked]}",
    )


@rule(
    "LR-004", clause="自然资规〔2019〕2号 第一条；《建设项目用地预审管理办法》(2016) 第十五条", weight="document",
    name_zh="有效期内的意见书不重复申请", name_en="A valid opinion is not asked for again",
    needs_earlier=True, fields=("renewal_reason",),
)  # fmt: skip
def no_valid_opinion_stands_for_the_project(ask: Ask) -> Answer:
    """An opinion holds for three years; a new one needs a change of use or site to be named. 意见书有效期三年."""
    valid = [one for one in ask.approvals(MATTER) if one["decided_on"] and ask.day <= last_day(one["decided_on"])]
    if not valid:
        return clear("本项目没有在有效期内的意见书。", "No valid opinion stands for this project.")
    newest = max(valid, key=lambda one: one["decided_on"])
    until = last_day(newest["decided_on"])
    reason = str(ask.form.get("renewal_reason") or "").strip()
    if reason:
        return clear(
            f"已有 {newest['number']}（有效期至 {until}），申请人说明重新申请的原因。",
            f"{newest['number']} is valid to {until}; the applicant says why a new one is needed.",
        )
    return conflict(
        f"本项目已有 {newest['number']}，有效期至 {until}。",
        f"{newest['number']} is valid to {until} for this project.",
        "土地用途、选址有重大调整的，填写重新申请的原因",
        "Say what changed in use or site, if anything did",
    )


def level_of(division: str) -> str:
    """Level of a division by the length of its code without trailing zeros: 2 province, 4 city, else county."""
    pairs = [division[at : at + 2] for at in (0, 2, 4)]
    if pairs[0] in ("", "00"):
        return "ministry"
    if pairs[1] in ("", "00"):
        return "province"
    return "city" if pairs[2] in ("", "00") else "county"


def last_day(decided_on: str) -> date:
    """Last day of validity of what was decided on an ISO day: the day before it comes round the third time."""
    given = date.fromisoformat(decided_on)
    try:
        again = given.replace(year=given.year + VALID_YEARS)
    except ValueError:  # 29 February
        return given.replace(year=given.year + VALID_YEARS, day=28)
    return again - timedelta(days=1)
