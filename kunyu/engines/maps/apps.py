from django.apps import AppConfig


class MapsConfig(AppConfig):
    name = "kunyu.engines.maps"
    label = "maps"
    verbose_name = "一张图"
    default_auto_field = "django.db.models.BigAutoField"
