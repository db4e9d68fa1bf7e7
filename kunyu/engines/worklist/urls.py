from django.urls import path, register_converter

from kunyu.engines.worklist import pages


class TaskList:
    regex = "claimable|team|closed"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class TaskAct(TaskList):
    regex = "claim|release|complete|hand_over|assign|cancel"


class IncidentAct(TaskList):
    regex = "acknowledge|assign|resolve|close"


register_converter(TaskList, "task_list")
register_converter(TaskAct, "task_act")
register_converter(IncidentAct, "incident_act")

urlpatterns = [
    path("tasks/", pages.tasks, name="tasks"),
    path("tasks/<task_list:which>/", pages.tasks),
    path("tasks/leave", pages.leave, name="leave"),
    path("tasks/<int:task_id>", pages.task, name="task"),
    path("tasks/<int:task_id>/<task_act:act>", pages.act_on_task, name="task-act"),
    path("notifications/", pages.notifications, name="notifications"),
    path("notifications/read-all", pages.read_all, name="notifications-read"),
    path("notifications/settings", pages.preferences, name="notification-settings"),
    path("notifications/undelivered/", pages.undelivered, name="undelivered"),
    path("notifications/undelivered/<int:message_id>/again", pages.send_again),
    path("notifications/<int:notification_id>", pages.notification, name="notification"),
    path("incidents/", pages.incident_list, name="incidents"),
    path("incidents/<int:incident_id>", pages.incident, name="incident"),
    path("incidents/<int:incident_id>/<incident_act:act>", pages.act_on_incident, name="incident-act"),
]
