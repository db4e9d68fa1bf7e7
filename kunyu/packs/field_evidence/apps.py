from django.apps import AppConfig


class FieldEvidenceConfig(AppConfig):
    name = "kunyu.packs.field_evidence"
    label = "field_evidence"
    verbose_name = "举证与核查"
    default_auto_field = "django.db.models.BigAutoField"
