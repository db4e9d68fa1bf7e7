"""Addresses of permissions and labels."""

from django.urls import path

from kunyu.engines.catalogue.permissions import access_pages, grant_pages, role_pages

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
]
