from django.urls import include, path

urlpatterns = [
    path("", include("kunyu.engines.security.identity_urls")),
    path("", include("kunyu.engines.security.audit_urls")),
]
