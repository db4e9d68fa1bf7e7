from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "kunyu.engines.catalogue"
    label = "catalogue"
    verbose_name = "数据目录"
    default_auto_field = "django.db.models.BigAutoField"
