from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "kunyu.engines.catalogue"
    label = "catalogue"
    verbose_name = "数据目录"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from kunyu.engines.catalogue.holdings import CatalogueHoldings
        from kunyu.engines.catalogue.permissions.names import names_of
        from kunyu.engines.security import data_names, holdings

        holdings.register(CatalogueHoldings())
        data_names.register(names_of)
