"""Take a sample application to where its course ends, by the acts that officers and applicants have. 样例办理.

Every act is one of :mod:`matters.cases.services`, in the name of whoever holds the stage: a sample that stands in a list
has passed everything that stands in the way of a real case. Sealing is done at the present time, as it must.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kunyu.engines.matters.cases import machine, routing, services
from kunyu.engines.matters.definitions.editions import edition_in_use
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.models import Application, Case
from kunyu.engines.security.scope import Principal
from kunyu.project.sample_cases.clock import at, workdays_ago
from kunyu.project.sample_cases.courses import Course, End
from kunyu.project.sample_cases.people import Cast

MOST_STEPS = 20
_AFTER_EXAMINATION = frozenset({End.REVIEWING, End.DECIDING, End.RETURNED, End.REFUSED, End.GRANTED, End.REVOKED})
_NEVER_ACCEPTED = frozenset({End.SUBMITTED, End.CORRECTING, End.CORRECTED, End.NOT_ACCEPTED, End.WITHDRAWN})
_ACCEPTED_AT = 0.92
"""Share of the way from submission to today that is left at the acceptance."""
USUAL_DAYS = 20
_PACE = 0.72
"""Each act comes when so much of the way from the one before to today is left."""

ASKED = ({"what": "请补充项目用地边界的拐点坐标表"}, {"what": "申请表缺单位公章，请签章后重新上传"})
AGREED = (
    "经审查，申请材料齐全，用地范围与图件一致，同意。",
    "已核对一张图核验结果，符合要求，同意。",
    "无异议，同意按程序办理。",
)
REFUSED = "项目选址占用永久基本农田，且不属于重大建设项目，不予许可。"
OVERRIDE = "核验中未核验的图层本县尚无成果，已向主管部门函询核实；核验提示的事项已由承办人逐项核对（样例）。"


@dataclass
class Walk:
    """One sample on its way: when its next act is, and who acts."""

    cast: Cast
    course: Course
    number: int
    ago: float
    steps: int = 0

    def do(self, act: Callable[[], object]) -> None:
        """One act at its moment; the next one comes nearer to today."""
        self.steps += 1
        with at(workdays_ago(self.ago, self.cast.since, minutes=3 * self.steps + self.number % 7)):
            act()
        self.ago *= _PACE

    def text(self) -> str:
        """An opinion."""
        return AGREED[(self.number + self.steps) % len(AGREED)]


def walk(cast: Cast, course: Course, application: Application, number: int) -> list[Case]:
    """Submit, and act until the course is at its end; the cases made."""
    way = Walk(cast, course, number, begun_ago(course, application.division_code))
    cases: list[Case] = []
    way.do(lambda: cases.extend(services.submit(cast.applicant, application.pk)))
    accepted = way.ago / _PACE * _ACCEPTED_AT
    for case in cases:
        one = Walk(cast, course, number, accepted, way.steps)
        _go(one, case)
        case.refresh_from_db()
    return cases


def begun_ago(course: Course, division: str) -> float:
    """Workdays since the submission: for accepted cases a share of what is promised, and a while to be accepted."""
    if course.end in _NEVER_ACCEPTED:
        return course.used
    promised = [edition_in_use(code, division).promised_days or USUAL_DAYS for code in course.matters]
    return course.used * max(promised) / _ACCEPTED_AT


def _go(way: Walk, case: Case) -> None:
    end, cast = way.course.end, way.cast
    clerk = cast.of_role("case-clerk")
    if end == End.SUBMITTED:
        return
    if end == End.WITHDRAWN:
        way.do(lambda: services.withdraw(cast.applicant, case.pk, "建房计划调整，暂不申请"))
    elif end == End.NOT_ACCEPTED:
        _step(way, case, machine.REJECT, "该项目仅需备案，依法不属于本事项受理范围，请直接办理规划许可。")
    elif end in (End.CORRECTING, End.CORRECTED):
        way.do(lambda: services.request_correction(clerk, case.pk, list(ASKED)))
        if end == End.CORRECTED:
            way.do(lambda: services.answer_correction(cast.applicant, case.pk))
    else:
        _step(way, case, machine.ACCEPT, "材料齐全，符合法定形式，予以受理。")
        _examined(way, case)


def _examined(way: Walk, case: Case) -> None:
    end, cast = way.course.end, way.cast
    examiner, decider = cast.of_role("case-examiner"), cast.of_role("case-decider")
    if end in _AFTER_EXAMINATION:
        _until_decision(way, case, only_one=end == End.REVIEWING)
    if end == End.PAUSED:
        basis = "《行政许可法》第四十七条"
        way.do(lambda: services.pause(examiner, case.pk, "hearing", "相邻权利人申请听证", basis))
    elif end == End.RETURNED:
        _step(way, case, machine.RETURN, "请补充说明用地规模的计算依据后再报。")
    elif end == End.REFUSED:
        _decide(way, case, machine.REFUSE, REFUSED)
    elif end in (End.GRANTED, End.REVOKED):
        _decide(way, case, machine.GRANT, "符合国土空间规划和用途管制要求，准予许可。")
    if end == End.REVOKED:
        services.revoke(
            decider, case.pk, "经查，申请人隐瞒已有宅基地的事实取得许可", ["《行政许可法》第六十九条第二款"]
        )
    if way.course.is_claimed:
        services.claim(examiner, case.pk)
    if way.course.is_supervised:
        services.supervise(decider, case.pk, "已超过承诺时限，请两个工作日内办结并说明原因。")


def _until_decision(way: Walk, case: Case, *, only_one: bool) -> None:
    """Agree at every stage before the decision, or at the examination alone."""
    for _ in range(MOST_STEPS):
        stage = _waiting(case)
        if machine.GRANT in stage.outcomes:
            return
        refuses = way.course.end == End.REFUSED and machine.REFUSE in stage.outcomes and way.steps < 3
        _step(way, case, machine.REFUSE if refuses else "agree", REFUSED if refuses else way.text())
        if only_one:
            return
    raise RuntimeError(f"case {case.number} comes to no decision within {MOST_STEPS} steps")


def _waiting(case: Case) -> Stage:
    """The first stage that waits."""
    fresh = Case.objects.select_related("matter", "edition").get(pk=case.pk)
    return routing.stage_of(fresh, routing.waiting(fresh)[0])


def _step(way: Walk, case: Case, outcome: str, text: str) -> None:
    stage = _waiting(case)
    who = way.cast.of_role(stage.role)
    way.do(lambda: services.act(who, case.pk, stage.code, outcome, text))


def _decide(way: Walk, case: Case, outcome: str, reason: str) -> None:
    """Decide, on a check of today where another case of the application was decided meanwhile; then seal."""
    decider: Principal = way.cast.of_role("case-decider")
    if case.application.cases.exclude(pk=case.pk).exists():
        services.check_again(way.cast.of_role("case-examiner"), case.pk)
    basis = list(routing.definition(case).basis)
    way.do(lambda: services.decide(decider, case.pk, outcome, reason, basis, OVERRIDE))
    services.seal_decision(case.pk)
