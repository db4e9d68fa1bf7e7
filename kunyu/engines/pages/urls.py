from django.urls import path

from kunyu.engines.pages import pages

urlpatterns = [
    path("views/save", pages.save_view, name="save-view"),
    path("views/<int:view_id>/delete", pages.delete_view, name="delete-view"),
]
