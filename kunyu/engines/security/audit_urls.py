from django.urls import path

from kunyu.engines.security import audit_pages

urlpatterns = [
    path("audit/", audit_pages.entries, name="audit"),
    path("audit/<int:entry_id>/", audit_pages.entry, name="audit-entry"),
    path("audit/people/<str:actor>/", audit_pages.person, name="audit-person"),
    path("audit/seal/", audit_pages.seal, name="audit-seal"),
    path("audit/seal/verify", audit_pages.verify, name="audit-verify"),
    path("audit/export", audit_pages.export, name="audit-export"),
    path("audit/report/", audit_pages.reports, name="audit-reports"),
    path("audit/report/<str:month>/", audit_pages.report, name="audit-report"),
    path("audit/public-key", audit_pages.public_key, name="audit-public-key"),
]
