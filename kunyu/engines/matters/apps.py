"""The engine of cases as a Django app."""

from django.apps import AppConfig


class MattersConfig(AppConfig):
    """Matters and cases. 事项与办件."""

    name = "kunyu.engines.matters"
    label = "matters"
    verbose_name = "事项与办件"
    default_auto_field = "django.db.models.BigAutoField"
