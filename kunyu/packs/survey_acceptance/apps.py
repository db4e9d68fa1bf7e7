from django.apps import AppConfig


class SurveyAcceptanceConfig(AppConfig):
    name = "kunyu.packs.survey_acceptance"
    label = "survey_acceptance"
    verbose_name = "质检与验收管理"
    default_auto_field = "django.db.models.BigAutoField"
