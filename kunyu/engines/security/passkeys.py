"""Passkeys: registration and proof (WebAuthn Level 2). 通行密钥.

The browser's own check of the person (PIN, finger, face) is always asked for: a passkey is possession and knowledge or
body, so it stands for two factors. A passkey belongs to one host name; addresses in numbers have none.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from kunyu.engines.security import audit, challenges
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import Passkey, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import FactorRefused

REGISTER, PROVE = "passkey-register", "passkey"
MOST = 10


def host_of(request: HttpRequest) -> str:
    """The host name that passkeys of this node belong to (relying party)."""
    return split_domain_port(request.get_host())[0]


def _origins(request: HttpRequest) -> list[str]:
    """Where the page may have stood: TLS always; plain only on the person's own machine, as browsers have it."""
    host = request.get_host()
    return [f"https://{host}", *([f"http://{host}"] if host_of(request) == "localhost" else [])]


def registration_options(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey."""
    known = Passkey.objects.filter(user=user).values_list("credential_id", flat=True)
    options = generate_registration_options(
        rp_id=host_of(request),
        rp_name="坤舆 Kunyu",
        user_id=user.personal_key.bytes,
        user_name=user.username,
        user_display_name=user.name_zh,
        challenge=challenges.issue(request, REGISTER),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=bytes(one)) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def register(request: HttpRequest, user: User, answer: dict[str, Any], name: str, actor: Principal) -> Passkey:
    """Keep a passkey that the browser made for our challenge.

    Raises
    ------
    FactorRefused
    """
    challenge = challenges.consume(request, REGISTER)
    if challenge is None:
        raise _too_late()
    if Passkey.objects.filter(user=user).count() >= MOST:
        raise FactorRefused(f"每人最多 {MOST} 个通行密钥。", f"{MOST} passkeys a person at most.")
    try:
        found = verify_registration_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=host_of(request),
            expected_origin=_origins(request), require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _refused() from error
    if Passkey.objects.filter(credential_id=found.credential_id).exists():
        raise FactorRefused("这个通行密钥已经登记。", "This passkey is registered already.")
    with transaction.atomic():
        made = Passkey.objects.create(
            user=user, credential_id=found.credential_id, public_key=found.credential_public_key,
            sign_count=found.sign_count, name=(name.strip() or "通行密钥")[:60], rp_id=host_of(request),
            is_synced=found.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        )  # fmt: skip
        audit.record(actor, "enrol-passkey", "user", user.username, name=made.name)
    return made


def proof_options(request: HttpRequest, user: User | None = None) -> dict[str, Any]:
    """What the browser needs to prove a passkey: of ``user`` (second step), or of whoever sits there."""
    known = Passkey.objects.filter(user=user).values_list("credential_id", flat=True) if user is not None else []
    options = generate_authentication_options(
        rp_id=host_of(request),
        challenge=challenges.issue(request, PROVE),
        allow_credentials=[PublicKeyCredentialDescriptor(id=bytes(one)) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def proven(request: HttpRequest, answer: dict[str, Any], user: User | None = None) -> User:
    """Whose passkey signed our challenge; of ``user`` where one is expected.

    Raises
    ------
    FactorRefused
        No challenge, unknown passkey, wrong signature, another host, or a counter that went back (a copied key).
    """
    challenge = challenges.consume(request, PROVE)
    if challenge is None:
        raise _too_late()
    one = _named(answer)
    if one is None or (user is not None and one.user_id != user.pk):
        raise _refused()
    try:
        found = verify_authentication_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=one.rp_id,
            expected_origin=_origins(request), credential_public_key=bytes(one.public_key),
            credential_current_sign_count=one.sign_count, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _refused() from error
    rows = Passkey.objects.filter(pk=one.pk, sign_count=one.sign_count)
    if not rows.update(sign_count=found.new_sign_count, last_used_at=datetime.now(UTC)):
        raise _refused()
    return one.user


def _named(answer: dict[str, Any]) -> Passkey | None:
    try:
        credential_id = base64url_to_bytes(str(answer["rawId"]))
    except (KeyError, TypeError, ValueError):
        return None
    return Passkey.objects.select_related("user").filter(credential_id=credential_id, user__is_active=True).first()


@transaction.atomic
def remove(user: User, passkey_id: int, actor: Principal) -> None:
    """The person's own act; another's passkey does not exist."""
    one = Passkey.objects.filter(pk=passkey_id, user=user).first()
    if one is None:
        raise NotVisible("没有这个通行密钥。", "There is no such passkey.")
    one.delete()
    audit.record(actor, "remove-passkey", "user", user.username, name=one.name)


def _too_late() -> FactorRefused:
    return FactorRefused("验证已超时，请重新开始。", "The request is too old; start again.")


def _refused() -> FactorRefused:
    return FactorRefused(
        "通行密钥验证未通过。请使用登记过的设备，并从登记时的网址登录。",
        "The passkey was not accepted. Use the device that was registered, at the address it was registered for.",
    )
