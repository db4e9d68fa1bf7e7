"""The engine of documents as a Django app."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Documents, seals, licences. 文书、印章与证照."""

    name = "kunyu.engines.documents"
    label = "documents"
    verbose_name = "文书、印章与证照"
    default_auto_field = "django.db.models.BigAutoField"
