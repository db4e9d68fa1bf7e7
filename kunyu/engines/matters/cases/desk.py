"""What a case gives officers to do: one task of the worklist for each stage that waits. 办件待办.

Called in the transaction of the act: a task stands exactly as long as its stage waits. Who claims it is mirrored to the
case, so that lists of cases need no look into the worklist.
"""

from __future__ import annotations

from collections.abc import Iterable

from kunyu.engines.matters.cases import people
from kunyu.engines.matters.cases.routing import definition, stage_of
from kunyu.engines.matters.errors import NotYourStep
from kunyu.engines.matters.models import Case
from kunyu.engines.security.models import Role, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist import services as worklist
from kunyu.engines.worklist.audience import Candidates
from kunyu.engines.worklist.models import Task
from kunyu.engines.worklist.services import NewTask, Subject

KIND = "case_step"
OBJECT = "case"


def address(case: Case) -> str:
    """The officers' page of a case."""
    return f"/cases/{case.number}"


def open_stages(case: Case, stages: Iterable[str], sequence: int, actor: Principal) -> None:
    """Make the tasks of stages that wait from event ``sequence`` on; a stage may come again after a return."""
    for code in stages:
        worklist.create_task(_task(case, code, sequence), actor)


def _task(case: Case, code: str, sequence: int) -> NewTask:
    stage = stage_of(case, code)
    county = people.office_county(case)
    posts = people.posts_of(stage.role, county)
    roles = () if posts else tuple(Role.objects.filter(code=stage.role).values_list("pk", flat=True))
    subject = Subject(
        OBJECT,
        case.number,
        f"{case.matter.name_zh} {case.number}：{stage.name_zh}",
        f"{case.matter.name_en or case.matter.code} {case.number}: {stage.name_en or code}",
        address(case),
    )
    return NewTask(
        key=f"case:{case.number}:{code}:{sequence}", kind=KIND, subject=subject, division=county,
        candidates=Candidates(posts=posts, roles=roles), due_workdays=stage.due_workdays,
    )  # fmt: skip


def running(case: Case) -> dict[str, Task]:
    """The running tasks of a case by stage."""
    found = Task.objects.select_related("assignee").filter(
        object_kind=OBJECT, object_id=case.number, state__in=[Task.State.OPEN, Task.State.CLAIMED]
    )
    return {one.key.split(":")[2]: one for one in found}


def settle_stages(
    case: Case, actor: Principal, outcome: str, note: str = "", *, stages: Iterable[str] | None = None,
    cancelled: bool = False,
) -> None:  # fmt: skip
    """Close the tasks of stages that are done, or all of them when the case leaves the desk."""
    wanted = None if stages is None else set(stages)
    for code, task in running(case).items():
        if wanted is None or code in wanted:
            worklist.settle(task.key, actor, outcome, note, cancelled=cancelled)


def take(case: Case, stage: str, principal: Principal) -> None:
    """Make sure that the task of a stage is the principal's: take an open one, refuse another's.

    Raises
    ------
    NotYourStep
        Somebody else has it.
    """
    task = running(case).get(stage)
    if task is None or task.assignee_id == principal.user_id:
        return
    if task.assignee_id is not None:
        raise NotYourStep(
            f"办件 {case.number} 的“{stage_of(case, stage).name_zh}”由 {task.assignee} 办理，请与其联系移交。",
            f"'{stage}' of case {case.number} is in the hands of {task.assignee}; ask for it to be handed over.",
            case=case.number,
            assignee=str(task.assignee),
        )
    worklist.claim(task.pk, principal)


def mirror(case: Case, stages: Iterable[str]) -> None:
    """Write the first waiting stage and whoever has its task into the case's columns."""
    order = list(stages)
    tasks = running(case)
    case.stage = order[0] if order else ""
    holder = next((tasks[one].assignee for one in order if one in tasks and tasks[one].assignee_id), None)
    case.assignee = holder


def stage_for(case: Case, stage: str | None, stages: tuple[str, ...]) -> str:
    """The stage meant: the one named, or the only one that waits."""
    if stage in stages:
        return str(stage)
    if stage is None and len(stages) == 1:
        return stages[0]
    names = "、".join(one.name_zh for one in definition(case).stages if one.code in stages)
    raise NotYourStep(
        f"办件 {case.number} 等待办理的环节是：{names or '无'}。",
        f"Stages that wait in case {case.number}: {', '.join(stages) or 'none'}.",
        case=case.number,
        waiting=list(stages),
    )


def account(username: str | User) -> User:
    """The account of a user name."""
    from kunyu.engines.security.services import find_user

    return username if isinstance(username, User) else find_user(username)
