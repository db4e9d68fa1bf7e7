"""The outbox as a Django app: the only one in the kernel."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Events on their way upward. 发件箱."""

    name = "kunyu.kernel.outbox"
    label = "outbox"
    verbose_name = "事件发件箱"
    default_auto_field = "django.db.models.BigAutoField"
