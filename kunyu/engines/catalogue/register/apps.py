from django.apps import AppConfig


class RegisterConfig(AppConfig):
    name = "kunyu.engines.catalogue.register"
    label = "register"
    verbose_name = "服务目录"
    default_auto_field = "django.db.models.BigAutoField"
