"""Certificates, requests and chains (R-131; T14: forged, expired and foreign certificates are refused)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from kunyu.kernel.crypto import certificates, der
from kunyu.kernel.crypto.certificates import AUTHORITY, ENCRYPTION, SIGNING, Certificate, Issuer, Profile
from kunyu.kernel.crypto.chains import LONGEST_CHAIN, verify_chain
from kunyu.kernel.crypto.errors import CertificateRefused, MalformedCertificate, MalformedKey
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

pytestmark = pytest.mark.quick

PROVIDER = SoftwareProvider()
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2036, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAME = {"country_name": "CN", "organization_name": "坤舆县自然资源局", "common_name": "根"}


@dataclass
class House:
    """A root, an intermediate authority and a person."""

    root: Issuer
    middle: Issuer
    person: Certificate


def authority(above: Issuer | None, name: str, path_length: int | None = None, validity=(START, END)) -> Issuer:
    key = PROVIDER.generate(KeyKind.SM2)
    profile = Profile(AUTHORITY.key_usage, is_ca=True, path_length=path_length)
    if above is None:
        return Issuer(key, certificates.self_signed(PROVIDER, key, {"common_name": name}, validity, profile))
    public = PROVIDER.public_key(key)
    return Issuer(key, certificates.issue(PROVIDER, above, {"common_name": name}, public, validity, profile))


def person(issuer: Issuer, profile: Profile = SIGNING, validity=(START, END), name: str = "张三") -> Certificate:
    public = PROVIDER.public_key(PROVIDER.generate(KeyKind.SM2))
    return certificates.issue(PROVIDER, issuer, {"common_name": name}, public, validity, profile)


@pytest.fixture(scope="module")
def house() -> House:
    root = authority(None, "root")
    middle = authority(root, "middle")
    return House(root, middle, person(middle))


def reason(certificate: Certificate, trusted, intermediates=(), at=NOW, usage=None) -> str:
    with pytest.raises(CertificateRefused) as refusal:
        verify_chain(PROVIDER, certificate, trusted, intermediates, at=at, usage=usage)
    return refusal.value.context["reason"]


def test_a_root_says_what_it_was_given():
    key = PROVIDER.generate(KeyKind.SM2)
    root = certificates.self_signed(PROVIDER, key, NAME, (START, END), Profile(AUTHORITY.key_usage, True, 2))

    assert "坤舆县自然资源局" in root.subject
    assert root.subject_der == root.issuer_der
    assert (root.not_before, root.not_after) == (START, END)
    assert (root.is_ca, root.path_length, root.key_usage) == (True, 2, {"key_cert_sign", "crl_sign"})
    assert root.public_key == PROVIDER.public_key(key)
    assert root.subject_key_id == root.authority_key_id == certificates.key_id(root.public_key)
    assert root.serial.bit_length() in range(64, 160)
    assert certificates.read_certificate(root.pem()) == certificates.read_certificate(root.der) == root


def test_validity_beyond_2049_is_written_as_generalized_time():
    late = datetime(2055, 6, 1, tzinfo=UTC)
    root = certificates.self_signed(PROVIDER, PROVIDER.generate(KeyKind.SM2), NAME, (START, late))

    assert root.not_after == late
    assert b"20550601000000Z" in root.der


def test_chain_through_an_intermediate(house: House):
    found = verify_chain(PROVIDER, house.person, [house.root.certificate], [house.middle.certificate], at=NOW)

    assert found == (house.person, house.middle.certificate, house.root.certificate)
    assert verify_chain(PROVIDER, house.root.certificate, [house.root.certificate], at=NOW) == (house.root.certificate,)


def test_missing_and_foreign_issuers(house: House):
    stranger = authority(None, "root")

    assert reason(house.person, [house.root.certificate]) == "no_issuer"
    assert reason(house.person, [stranger.certificate], [house.middle.certificate]) == "no_issuer"
    assert reason(house.person, [], [house.middle.certificate, house.root.certificate]) == "no_issuer"


def test_a_forger_with_the_same_name_and_key_identifier(house: House):
    """The forger copies everything but the private key."""
    forged = certificates.issue(
        PROVIDER,
        Issuer(PROVIDER.generate(KeyKind.SM2), house.root.certificate),
        {"common_name": "伪造"},
        PROVIDER.public_key(PROVIDER.generate(KeyKind.SM2)),
        (START, END),
        SIGNING,
    )

    assert reason(forged, [house.root.certificate]) == "signature"


def test_time_at_its_boundaries(house: House):
    short = person(house.root, validity=(NOW, NOW + timedelta(days=1)))
    trusted = [house.root.certificate]

    for at in (NOW, NOW + timedelta(days=1)):
        assert verify_chain(PROVIDER, short, trusted, at=at)[0] is short
    assert reason(short, trusted, at=NOW - timedelta(seconds=1)) == "not_yet_valid"
    assert reason(short, trusted, at=NOW + timedelta(days=1, seconds=1)) == "expired"


def test_an_expired_issuer_or_root_breaks_the_chain():
    old = authority(None, "old", validity=(START, NOW - timedelta(days=1)))

    assert reason(person(old), [old.certificate]) == "expired"


def test_people_issue_nothing(house: House):
    key = PROVIDER.generate(KeyKind.SM2)
    zhang = certificates.issue(
        PROVIDER, house.root, {"common_name": "zhang"}, PROVIDER.public_key(key), (START, END), SIGNING
    )
    child = person(Issuer(key, zhang))

    assert reason(child, [house.root.certificate], [zhang]) == "not_an_authority"


def test_an_authority_without_the_right_to_sign_certificates(house: House):
    key = PROVIDER.generate(KeyKind.SM2)
    profile = Profile(frozenset({"crl_sign"}), is_ca=True)
    odd = certificates.issue(
        PROVIDER, house.root, {"common_name": "odd"}, PROVIDER.public_key(key), (START, END), profile
    )

    assert reason(person(Issuer(key, odd)), [house.root.certificate], [odd]) == "not_an_authority"


def test_path_length_at_its_boundary():
    root = authority(None, "root", path_length=1)
    first = authority(root, "first")
    second = authority(first, "second")
    helpers = [first.certificate, second.certificate]

    assert len(verify_chain(PROVIDER, person(first), [root.certificate], helpers, at=NOW)) == 3
    assert reason(person(second), [root.certificate], helpers) == "path_length"


def test_the_longest_chain():
    top = above = authority(None, "0")
    helpers = []
    for level in range(1, LONGEST_CHAIN - 1):
        above = authority(above, str(level))
        helpers.append(above.certificate)
    assert len(verify_chain(PROVIDER, person(above), [top.certificate], helpers, at=NOW)) == LONGEST_CHAIN
    above = authority(above, "more")
    assert reason(person(above), [top.certificate], [*helpers, above.certificate]) == "too_long"


def test_usage_of_double_certificates(house: House):
    trusted = [house.root.certificate]
    signing, encryption = person(house.root), person(house.root, ENCRYPTION)

    verify_chain(PROVIDER, signing, trusted, at=NOW, usage="digital_signature")
    verify_chain(PROVIDER, encryption, trusted, at=NOW, usage="key_encipherment")
    assert reason(signing, trusted, usage="key_encipherment") == "usage"
    assert reason(encryption, trusted, usage="digital_signature") == "usage"


def test_loops_end(house: House):
    """Two authorities that certify each other, and no root."""
    a, b = authority(None, "a"), authority(None, "b")
    a_by_b = certificates.issue(PROVIDER, b, {"common_name": "a"}, a.certificate.public_key, (START, END), AUTHORITY)
    b_by_a = certificates.issue(PROVIDER, a, {"common_name": "b"}, b.certificate.public_key, (START, END), AUTHORITY)

    assert reason(person(a), [house.root.certificate], [a_by_b, b_by_a]) == "no_issuer"


def test_a_way_round_a_wrong_helper(house: House):
    """A helper of the right name that leads nowhere does not hide the one that leads to the root."""
    key = house.middle.key
    lost = authority(None, "lost")
    cross = certificates.issue(
        PROVIDER, lost, {"common_name": "middle"}, PROVIDER.public_key(key), (START, END), AUTHORITY
    )
    helpers = [cross, house.middle.certificate]

    assert (
        verify_chain(PROVIDER, house.person, [house.root.certificate], helpers, at=NOW)[1] == house.middle.certificate
    )


def test_unknown_critical_extensions_are_refused(house: House):
    """The person's certificate with a critical extension of an unknown OID, signed properly."""
    unknown = der.sequence(
        der.element(6, bytes.fromhex("2a811ccf55837f")), der.element(1, b"\xff"), der.octets(b"\x05\x00")
    )
    tbs = certificates.x509.Certificate.load(house.person.der)["tbs_certificate"]
    tbs["issuer"] = certificates.x509.Certificate.load(house.root.certificate.der)["tbs_certificate"]["subject"]
    own = [e for e in tbs["extensions"] if e["extn_id"].native != "authority_key_identifier"]
    tbs["extensions"] = certificates.x509.Extensions([*own, certificates.x509.Extension.load(unknown)])
    built = certificates.read_certificate(certificates._sign(PROVIDER, house.root.key, tbs.dump(force=True)))

    assert built.unknown_critical == ("1.2.156.10197.511",)
    assert reason(built, [house.root.certificate]) == "critical_extension"


def test_any_flipped_byte_of_a_certificate_fails(house: House):
    trusted, encoded = [house.root.certificate], person(house.root).der
    for at in range(len(encoded)):
        changed = bytearray(encoded)
        changed[at] ^= 0x01
        with pytest.raises((MalformedCertificate, CertificateRefused)):
            verify_chain(PROVIDER, certificates.read_certificate(bytes(changed)), trusted, at=NOW)


def test_requests_prove_possession():
    key = PROVIDER.generate(KeyKind.SM2)
    encoded = certificates.make_request(PROVIDER, key, NAME, ["a.example", "b.example"])
    request = certificates.read_request(PROVIDER, encoded)

    assert request.name == NAME
    assert request.alternative_names == ("a.example", "b.example")
    assert certificates.read_request(PROVIDER, request.pem()) == request
    for at in range(len(encoded)):
        changed = bytearray(encoded)
        changed[at] ^= 0x01
        with pytest.raises(MalformedCertificate):
            certificates.read_request(PROVIDER, bytes(changed))


@pytest.mark.parametrize(
    "content", [b"", b"\x30", b"\x30\x03\x02\x01\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_rubbish_is_named(content: bytes):
    with pytest.raises(MalformedCertificate):
        certificates.read_certificate(content)
    with pytest.raises(MalformedCertificate):
        certificates.read_request(PROVIDER, content)


def test_no_certificate_for_a_point_off_the_curve(house: House):
    with pytest.raises(MalformedKey):
        certificates.issue(PROVIDER, house.root, NAME, b"\x04" + bytes(64), (START, END), SIGNING)


def test_a_bundle_is_read_whole(house: House):
    bundle = b"# comment\n" + house.person.pem() + house.middle.certificate.pem()

    assert certificates.read_certificates(bundle) == (house.person, house.middle.certificate)
    assert certificates.read_certificates(b"nothing") == ()
