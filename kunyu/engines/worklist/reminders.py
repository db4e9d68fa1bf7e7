"""Reminders of limits: each task and colour once, however often the job runs. 时限提醒."""

from __future__ import annotations

from datetime import date

from django.utils import timezone

from kunyu.engines.worklist.kinds import kinds
from kunyu.engines.worklist.limits import colour, remaining_workdays
from kunyu.engines.worklist.models import Notification, Task
from kunyu.engines.worklist.notices import Notice, notify


def remind_of_limits(today: date | None = None) -> int:
    """Tell assignees of claimed tasks that are yellow or red; returns how many notifications are new."""
    day = today or timezone.localdate()
    told = 0
    running = Task.objects.filter(state=Task.State.CLAIMED, due_on__isnull=False)
    for task in running.iterator():
        kind = kinds().tasks.get(task.kind)
        now = colour(day, task.due_on, kind.yellow_workdays if kind else 0)
        if now in ("yellow", "red"):
            told += len(notify([task.assignee_id] if task.assignee_id else [], _notice(task, now, day)))
    return told


def _notice(task: Task, now: str, day: date) -> Notice:
    assert task.due_on is not None
    left = remaining_workdays(day, task.due_on)
    zh, en = f"剩余 {left} 个工作日", f"{left} workdays left"
    if now == "red":  # past a limit that ended before a weekend: no workday has passed yet
        zh, en = ("已超期", "past the limit") if left == 0 else (f"已超期 {-left} 个工作日", f"{-left} workdays past")
    return Notice(
        kind="task_due", key=f"task-due:{task.pk}:{now}:{task.assignee_id}", title_zh=f"{zh}：{task.title_zh}",
        title_en=f"{en}: {task.title_en or task.title_zh}", href=f"/tasks/{task.pk}",
        body_zh=f"时限 {task.due_on.isoformat()}", body_en=f"Due {task.due_on.isoformat()}",
        level=Notification.Level.WARNING,
    )  # fmt: skip
