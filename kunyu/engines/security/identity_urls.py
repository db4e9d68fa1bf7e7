"""Addresses of signing in and of one's own account."""

from django.urls import path
from django.views.generic import RedirectView

from kunyu.engines.security import account_pages as own
from kunyu.engines.security import identity_admin_pages as administered
from kunyu.engines.security import sign_in_pages as door
from kunyu.engines.security.national_identity import pages as national

urlpatterns = [
    path("login", door.door, name="login"),
    path("login/second", door.second, name="login-second"),
    path("login/passkey/options", door.passkey_options, name="login-passkey-options"),
    path("login/passkey", door.passkey, name="login-passkey"),
    path("login/national", national.begin, name="login-national"),
    path("login/national/return", national.back, name="login-national-return"),
    path("login/certificate/challenge", door.certificate_challenge, name="login-certificate-challenge"),
    path("login/certificate", door.certificate, name="login-certificate"),
    path("logout", door.sign_out, name="logout"),
    # where browsers and password managers look for the page (W3C, a well-known URL for changing passwords)
    path(".well-known/change-password", RedirectView.as_view(url="/account/password"), name="change-password"),
    path("account/", own.account, name="account"),
    path("account/confirm", own.confirm, name="account-confirm"),
    path("account/password", own.password, name="account-password"),
    path("account/profile", own.save_profile, name="account-profile"),
    path("account/factors", own.factors, name="account-factors"),
    path("account/factors/authenticator", own.begin_authenticator, name="authenticator-begin"),
    path("account/factors/authenticator/confirm", own.confirm_authenticator, name="authenticator-confirm"),
    path("account/factors/authenticator/remove", own.remove_authenticator, name="authenticator-remove"),
    path("account/factors/recovery", own.recovery_codes, name="recovery-codes"),
    path("account/factors/passkey/options", own.passkey_options, name="passkey-options"),
    path("account/factors/passkey", own.add_passkey, name="passkey-add"),
    path("account/factors/passkey/<int:passkey_id>/remove", own.remove_passkey, name="passkey-remove"),
    path("account/certificates", own.bind_certificate, name="certificate-bind"),
    path("account/certificates/<int:certificate_id>/remove", own.remove_certificate, name="certificate-remove"),
    path("account/sessions/end-others", own.end_other_sessions, name="sessions-end-others"),
    path("account/sessions/<int:session_id>/end", own.end_session, name="session-end"),
    path("account/tokens", own.make_token, name="token-make"),
    path("account/tokens/<int:token_id>/revoke", own.revoke_token, name="token-revoke"),
    path("admin/identity/<int:user_id>/", administered.identity, name="identity-of"),
    path("admin/identity/<int:user_id>/unlock", administered.unlock, name="identity-unlock"),
    path("admin/identity/<int:user_id>/sessions", administered.end_sessions, name="identity-end-sessions"),
    path("admin/identity/<int:user_id>/factors", administered.reset_factors, name="identity-reset-factors"),
    path("admin/identity/<int:user_id>/clearance", administered.set_clearance, name="identity-clearance"),
    path("admin/identity/<int:user_id>/certificates", administered.bind_certificate, name="identity-bind"),
    path(
        "admin/identity/<int:user_id>/certificates/<int:certificate_id>/remove", administered.unbind_certificate,
        name="identity-unbind",
    ),
]  # fmt: skip
