from django.urls import path

from kunyu.engines.ingest import pages

urlpatterns = [
    path("deliveries/", pages.deliveries, name="deliveries"),
    path("deliveries/<int:delivery_id>", pages.delivery, name="delivery"),
    path("deliveries/<int:delivery_id>/", pages.delivery),
    path("deliveries/<int:delivery_id>/publish", pages.publish, name="delivery-publish"),
    path("deliveries/<int:delivery_id>/reject", pages.reject, name="delivery-reject"),
]
