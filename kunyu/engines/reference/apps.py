from django.apps import AppConfig


class ReferenceConfig(AppConfig):
    name = "kunyu.engines.reference"
    label = "reference"
    verbose_name = "编码与区划"
    default_auto_field = "django.db.models.BigAutoField"
