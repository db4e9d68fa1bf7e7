from django.urls import path

from kunyu.engines.ingest import exception_pages, pages
from kunyu.engines.ingest.verification import pages as verification_pages

urlpatterns = [
    path("deliveries/", pages.deliveries, name="deliveries"),
    path("deliveries/reference", pages.reference, name="delivery-reference"),
    path("deliveries/<int:delivery_id>", pages.delivery, name="delivery"),
    path("deliveries/<int:delivery_id>/", pages.delivery),
    path("deliveries/<int:delivery_id>/publish", pages.publish, name="delivery-publish"),
    path("deliveries/<int:delivery_id>/reject", pages.reject, name="delivery-reject"),
    path(
        "deliveries/<int:delivery_id>/findings/<int:finding_id>/exception",
        exception_pages.propose,
        name="exception-new",
    ),
    path("exceptions/", exception_pages.index, name="exceptions"),
    path("exceptions/<int:number>/", exception_pages.record, name="exception"),
    path("exceptions/<int:number>/decide", exception_pages.decide, name="exception-decide"),
    path("exceptions/<int:number>/evidence/<int:place>", exception_pages.evidence, name="exception-evidence"),
    path("verifications/", verification_pages.index, name="verifications"),
    path("verifications/<int:number>/", verification_pages.record, name="verification"),
]
