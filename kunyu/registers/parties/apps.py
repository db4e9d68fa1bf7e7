from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "kunyu.registers.parties"
    label = "parties"
    verbose_name = "相对人登记"
    default_auto_field = "django.db.models.BigAutoField"
