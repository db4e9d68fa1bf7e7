"""Signing in with an SM2 certificate: trust, time, revocation, binding, one challenge (R-071, R-360, T14)."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import crl
from asn1crypto import x509 as asn1_x509
from django.test import Client

from kunyu.engines.security import certificates_login, session
from kunyu.engines.security.models import AuditEntry, BoundCertificate, SignInChallenge, SignInSession, User
from kunyu.engines.security.tests.identity_people import administrator, now, person, signed_in
from kunyu.kernel.crypto import certificates, der
from kunyu.kernel.crypto.pkcs8 import pem
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.errors import KunyuError

pytestmark = pytest.mark.django_db
provider = SoftwareProvider()
YEAR = timedelta(days=365)


class Authority:
    """A certificate authority for tests: one root."""

    def __init__(self, name: str = "试验根") -> None:
        self.key = provider.generate(KeyKind.SM2)
        self.root = certificates.self_signed(
            provider, self.key, {"common_name": name}, (now() - YEAR * 2, now() + YEAR)
        )

    def issue(self, name: str = "李", *, begins: timedelta = -YEAR, ends: timedelta = YEAR,
              profile: certificates.Profile = certificates.SIGNING) -> tuple[KeyHandle, certificates.Certificate]:  # fmt: skip
        key = provider.generate(KeyKind.SM2)
        issuer = certificates.Issuer(self.key, self.root)
        moments = (now() + begins, now() + ends)
        made = certificates.issue(provider, issuer, {"common_name": name}, provider.public_key(key), moments, profile)
        return key, made

    def revocation_list(self, *serials: int, next_update: timedelta = timedelta(days=7)) -> bytes:
        tbs = crl.TbsCertList({
            "version": "v2", "signature": {"algorithm": certificates.SM2_WITH_SM3},
            "issuer": asn1_x509.Certificate.load(self.root.der)["tbs_certificate"]["subject"],
            "this_update": asn1_x509.Time({"utc_time": datetime.now(UTC).replace(microsecond=0)}),
            "next_update": asn1_x509.Time({"utc_time": (datetime.now(UTC) + next_update).replace(microsecond=0)}),
            "revoked_certificates": [
                {"user_certificate": one,
                 "revocation_date": asn1_x509.Time({"utc_time": datetime.now(UTC).replace(microsecond=0)})}
                for one in serials
            ],
        }).dump()  # fmt: skip
        algorithm = der.sequence(der.element(0x06, bytes.fromhex("2a811ccf55018375")))
        signature = der.element(0x03, b"\x00" + provider.sign(self.key, tbs))
        return pem("X509 CRL", der.sequence(tbs, algorithm, signature))


@pytest.fixture
def authority(tmp_path: Path, settings) -> Authority:
    (tmp_path / "trust").mkdir()
    found = Authority()
    (tmp_path / "trust" / "root.pem").write_bytes(found.root.pem())
    settings.KUNYU_HOME = tmp_path
    return found


@pytest.fixture
def li() -> User:
    return person(division_code="990101")


def bound(user: User, certificate: certificates.Certificate) -> BoundCertificate:
    return BoundCertificate.objects.create(
        user=user, fingerprint=certificate.fingerprint, subject=certificate.subject, issuer=certificate.issuer,
        serial=f"{certificate.serial:x}", not_after=certificate.not_after, bound_by="sec",
    )  # fmt: skip


def challenged(client: Client) -> bytes:
    return client.post("/login/certificate/challenge").json()["message"].encode()


def show(client: Client, key: KeyHandle, certificate: certificates.Certificate, message: bytes, **more: str):
    signature = base64.b64encode(provider.sign(key, message)).decode()
    said = {"certificate": certificate.pem().decode(), "signature": signature, **more}
    return client.post("/login/certificate", said, content_type="application/json")


def test_a_bound_and_trusted_certificate_signs_in_as_two_factors(authority, li):
    key, certificate = authority.issue()
    bound(li, certificate)
    client = Client()
    message = challenged(client)
    assert message.startswith(b"kunyu sign-in 1\ntestserver\n")
    answer = show(client, key, certificate, message, next="/deliveries/")
    assert (answer.status_code, answer.json()) == (200, {"next": "/deliveries/"})
    assert client.get("/account/").status_code == 200
    one = SignInSession.objects.get(user=li)
    assert (one.method, one.two_factors) == ("certificate", True)
    assert AuditEntry.objects.filter(action="sign-in", actor="li", result="done").count() == 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("forged", "signature"), ("expired", "expired"), ("early", "not_yet_valid"), ("stranger", "no_issuer"),
     ("encryption", "usage"), ("below a person", "not_an_authority")],
)  # fmt: skip
def test_untrusted_certificates_are_refused_with_the_reason(authority, li, kind, reason):
    key, certificate = authority.issue()
    if kind == "forged":  # the same names and key identifiers under another key
        false = Authority()
        false.root = authority.root
        key, certificate = false.issue()
    elif kind == "expired":
        key, certificate = authority.issue(ends=-timedelta(days=1))
    elif kind == "early":
        key, certificate = authority.issue(begins=timedelta(days=1))
    elif kind == "stranger":
        key, certificate = Authority("陌生根").issue()
    elif kind == "encryption":
        key, certificate = authority.issue(profile=certificates.ENCRYPTION)
    else:
        child = provider.generate(KeyKind.SM2)
        grandchild = certificates.issue(
            provider, certificates.Issuer(key, certificate), {"common_name": "孙"}, provider.public_key(child),
            (now() - YEAR, now() + YEAR), certificates.SIGNING,
        )  # fmt: skip
        (Path(certificates_login.certificate_trust.folder()) / "between.pem").write_bytes(certificate.pem())
        key, certificate = child, grandchild
    bound(li, certificate)
    client = Client()
    answer = show(client, key, certificate, challenged(client))
    assert (answer.status_code, answer.json()["code"]) == (403, "crypto.certificate_refused")
    assert answer.json()["context"]["reason"] == reason
    assert client.get("/account/").status_code == 302
    assert AuditEntry.objects.get(action="sign-in", result="refused").detail["reason"] == reason


def test_a_revoked_certificate_is_refused(authority, li):
    key, certificate = authority.issue()
    bound(li, certificate)
    other_key, other = authority.issue("王")
    bound(person("wang"), other)
    place = certificates_login.certificate_trust.folder() / "root.crl"
    place.write_bytes(authority.revocation_list(certificate.serial))
    client = Client()
    answer = show(client, key, certificate, challenged(client))
    assert answer.json()["context"]["reason"] == "revoked"
    assert show(client, other_key, other, challenged(client)).status_code == 200


@pytest.mark.parametrize(("spoil", "reason"), [("stale", "list_stale"), ("forged", "list_forged")])
def test_a_list_that_cannot_be_believed_stops_its_issuers_certificates(authority, li, spoil, reason):
    key, certificate = authority.issue()
    bound(li, certificate)
    place = certificates_login.certificate_trust.folder() / "root.crl"
    signer = authority
    if spoil == "forged":
        signer = Authority()
        signer.root = authority.root
    place.write_bytes(signer.revocation_list(1, next_update=timedelta(days=-1 if spoil == "stale" else 1)))
    client = Client()
    assert show(client, key, certificate, challenged(client)).json()["context"]["reason"] == reason


def test_the_node_refuses_what_its_security_administrator_revoked(authority, li):
    key, certificate = authority.issue()
    one = bound(li, certificate)
    administrator("sec", "security")
    chief = signed_in("sec")
    chief.post(f"/admin/identity/{li.pk}/certificates/{one.pk}/remove", {"revoke": "1", "reason": "遗失"})
    assert (
        chief.post(f"/admin/identity/{li.pk}/certificates", {"certificate": certificate.pem().decode()}).status_code
        == 403
    )
    bound(li, certificate)
    client = Client()
    assert show(client, key, certificate, challenged(client)).json()["context"]["reason"] == "revoked"


def test_a_challenge_is_signed_once_in_time_by_its_own_browser(authority, li):
    key, certificate = authority.issue()
    bound(li, certificate)
    first, second = Client(), Client()
    message = challenged(first)
    challenged(second)
    assert show(second, key, certificate, message).status_code == 401  # another browser's
    assert show(first, key, certificate, message).status_code == 200
    first.post("/logout")
    assert show(first, key, certificate, message).status_code == 401  # used
    late = challenged(first)
    SignInChallenge.objects.update(expires_at=now() - timedelta(seconds=1))
    assert show(first, key, certificate, late).status_code == 401
    assert show(Client(), key, certificate, b"kunyu sign-in 1\ntestserver\n" + b"00" * 32).status_code == 401


def test_a_wrong_signature_uses_the_challenge_up(authority, li):
    key, certificate = authority.issue()
    bound(li, certificate)
    client = Client()
    message = challenged(client)
    assert show(client, key, certificate, message + b" ").status_code == 401
    assert show(client, key, certificate, message).status_code == 401


def test_a_challenge_of_another_host_does_not_pass(authority, li, settings):
    """A false site passes our challenge on to its visitor, whose program signs for the site it sees."""
    settings.ALLOWED_HOSTS = ["testserver", "false.example"]
    key, certificate = authority.issue()
    bound(li, certificate)
    client = Client()
    message = challenged(client).replace(b"testserver", b"false.example")
    assert show(client, key, certificate, message).status_code == 401


def test_trusted_but_bound_to_nobody_or_to_a_disabled_account(authority, li):
    key, certificate = authority.issue()
    client = Client()
    assert show(client, key, certificate, challenged(client)).status_code == 401
    bound(li, certificate)
    User.objects.update(is_active=False)
    assert show(client, key, certificate, challenged(client)).status_code == 401


@pytest.mark.parametrize("rubbish", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                                     "x" * 100_000])  # fmt: skip
def test_rubbish_is_refused_plainly(authority, rubbish):
    client = Client()
    challenged(client)
    said = {"certificate": rubbish[:60_000], "signature": "%%%"}
    assert client.post("/login/certificate", said, content_type="application/json").status_code == 401
    assert client.post("/login/certificate", "[1]", content_type="application/json").status_code == 400


def test_binding_by_oneself_and_by_the_security_administrator(authority, li):
    _, certificate = authority.issue()
    client = signed_in()
    text = certificate.pem().decode()
    assert client.post("/account/certificates", {"certificate": text}).status_code == 302
    assert client.post("/account/certificates", {"certificate": text}).status_code == 422  # already bound
    one = BoundCertificate.objects.get()
    assert (one.user_id, one.bound_by) == (li.pk, "li")
    assert signed_in(person("wang").username).post(f"/account/certificates/{one.pk}/remove").status_code == 404
    for actor in (administrator("sys", "system"), administrator("far", "security", "41")):
        with pytest.raises(KunyuError):
            certificates_login.bind(li, text, session.principal_of(actor))
    _, second = authority.issue()
    certificates_login.bind(li, second.pem().decode(), session.principal_of(administrator("sec", "security")))
    assert li.certificates.count() == 2


def test_an_untrusted_certificate_is_not_bound(authority, li):
    _, certificate = Authority("陌生根").issue()
    assert signed_in().post("/account/certificates", {"certificate": certificate.pem().decode()}).status_code == 403
    assert not BoundCertificate.objects.exists()
