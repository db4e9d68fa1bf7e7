from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "kunyu.registers.projects"
    label = "projects"
    verbose_name = "投资项目登记"
    default_auto_field = "django.db.models.BigAutoField"
