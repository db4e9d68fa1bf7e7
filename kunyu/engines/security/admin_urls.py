"""Addresses of the administration (navigation group 管理) and of invitations."""

from django.urls import path

from kunyu.engines.security.admin_pages import accounts, administrators, chart, imports, posts, sections, units

urlpatterns = [
    path("admin/", sections.home, name="admin-home"),
    path("admin/organisations/", units.index),
    path("admin/organisations/new", units.new),
    path("admin/organisations/chart", chart.page),
    path("admin/organisations/<int:unit_id>/", units.record),
    path("admin/organisations/<int:unit_id>/rename", units.rename),
    path("admin/organisations/<int:unit_id>/move", units.move),
    path("admin/organisations/<int:unit_id>/close", units.close),
    path("admin/organisations/<int:unit_id>/posts/new", posts.new),
    path("admin/posts/", posts.index),
    path("admin/posts/<int:post_id>/", posts.record),
    path("admin/posts/<int:post_id>/rename", posts.rename),
    path("admin/posts/<int:post_id>/close", posts.close),
    path("admin/posts/<int:post_id>/appoint", posts.appoint),
    path("admin/appointments/<int:appointment_id>/end", posts.end),
    path("admin/post-roles/", posts.roles_index),
    path("admin/post-roles/<int:post_id>/", posts.roles),
    path("admin/users/", accounts.index),
    path("admin/users/new", accounts.new),
    path("admin/users/<int:user_id>/", accounts.record),
    path("admin/users/<int:user_id>/correct", accounts.correct),
    path("admin/users/<int:user_id>/reset", accounts.reset),
    path("admin/users/<int:user_id>/invite", accounts.invite),
    path("admin/users/<int:user_id>/disable", accounts.disable),
    path("admin/users/<int:user_id>/enable", accounts.enable),
    path("admin/users/<int:user_id>/leave", accounts.leave),
    path("admin/handovers/", accounts.handovers),
    path("admin/handovers/<int:handover_id>/", accounts.handover),
    path("admin/administrators/", administrators.index),
    path("admin/administrators/new", administrators.new),
    path("admin/administrators/<int:duty_id>/dismiss", administrators.dismiss),
    path("admin/import/", imports.upload),
    path("admin/import/template.xlsx", imports.template),
    path("admin/import/<int:draft_id>/", imports.report),
    path("admin/import/<int:draft_id>/invitations", imports.invitations),
    path("invitation/<str:token>", accounts.invitation),
]
