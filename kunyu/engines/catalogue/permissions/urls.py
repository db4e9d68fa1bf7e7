"""Addresses of permissions and labels."""

from django.urls import path

from kunyu.engines.catalogue.permissions import (
    access_pages,
    grant_pages,
    label_pages,
    record_label_pages,
    role_pages,
    zone_page,
)

urlpatterns = [
    path("admin/roles/", role_pages.index, name="roles"),
    path("admin/roles/new", role_pages.new, name="role-new"),
    path("admin/roles/<slug:code>/", role_pages.record, name="role"),
    path("admin/roles/<slug:code>/edit", role_pages.edit, name="role-edit"),
    path("admin/roles/<slug:code>/delete", role_pages.delete, name="role-delete"),
    path("admin/grants/", grant_pages.index, name="grants"),
    path("admin/grants/new", grant_pages.new, name="grant-new"),
    path("admin/grants/revoke", grant_pages.revoke, name="grant-revoke"),
    path("admin/access/", access_pages.access, name="access"),
    path("admin/labels/", label_pages.index, name="labels"),
    path("admin/labels/decide", label_pages.many, name="labels-decide"),
    path("admin/labels/<str:code>/", label_pages.record, name="label"),
    path("admin/labels/<str:code>/propose", label_pages.propose, name="label-propose"),
    path("admin/labels/<str:code>/decide", label_pages.decide, name="label-decide"),
    path("admin/record-labels/", record_label_pages.index, name="record-labels"),
    path("admin/record-labels/new", record_label_pages.new, name="record-label-new"),
    path("admin/record-labels/<int:number>/", record_label_pages.record, name="record-label"),
    path("admin/record-labels/<int:number>/decide", record_label_pages.decide, name="record-label-decide"),
    path("admin/zone/", zone_page.zone, name="zone"),
]
