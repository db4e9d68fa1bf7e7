from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "kunyu.engines.ingest"
    label = "ingest"
    verbose_name = "汇交"
    default_auto_field = "django.db.models.BigAutoField"
