from django.apps import AppConfig


class WorklistConfig(AppConfig):
    name = "kunyu.engines.worklist"
    label = "worklist"
    verbose_name = "待办"
    default_auto_field = "django.db.models.BigAutoField"
