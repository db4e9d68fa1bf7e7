from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "kunyu.engines.analysis"
    label = "analysis"
    verbose_name = "空间分析"
    default_auto_field = "django.db.models.BigAutoField"
