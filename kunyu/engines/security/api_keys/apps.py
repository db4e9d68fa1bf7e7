from django.apps import AppConfig


class ApiKeysConfig(AppConfig):
    name = "kunyu.engines.security.api_keys"
    label = "api_keys"
    verbose_name = "服务密钥"
    default_auto_field = "django.db.models.BigAutoField"
