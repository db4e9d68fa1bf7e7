"""The contract of the assertion: the right one is believed, every other is refused for its own reason."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kunyu.engines.security.national_identity.assertion import Expected, read
from kunyu.engines.security.national_identity.simulator import ISSUER, PEOPLE, Simulator
from kunyu.engines.security.sign_in_errors import NationalIdentityRefused
from kunyu.kernel.crypto.software import SoftwareProvider

CLIENT, NONCE = "kunyu-990101", "ab" * 32
CITIZEN, FIRM = PEOPLE[0], PEOPLE[2]


@pytest.fixture(scope="module")
def platform() -> Simulator:
    return Simulator()


@pytest.fixture
def expected(platform: Simulator) -> Expected:
    return Expected((platform.certificate,), ISSUER, CLIENT, NONCE, datetime.now(UTC))


def refusal(text: str, expected: Expected) -> str:
    with pytest.raises(NationalIdentityRefused) as refused:
        read(SoftwareProvider(), text, expected)
    assert refused.value.http_status == 401
    return str(refused.value.context["reason"])


def test_the_right_assertion_is_believed(platform, expected):
    claims = read(SoftwareProvider(), platform.assertion(FIRM, CLIENT, NONCE), expected)
    assert (claims.kind, claims.name, claims.code, claims.agent) == (
        "organisation", "坤舆示范建设有限公司", "91990101MA0KUNY0X1", "王经办"
    )  # fmt: skip
    assert (claims.iss, claims.aud, claims.nonce) == (ISSUER, CLIENT, NONCE)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"iss": "somebody else"}, "issuer"),
        ({"aud": "another-system"}, "audience"),
        ({"nonce": "cd" * 32}, "nonce"),
        ({"iat": 1_600_000_000, "exp": 1_600_000_120}, "time"),
        ({"exp": 4_000_000_000}, "time"),  # would hold for decades
        ({"exp": 1}, "time"),  # ends before it begins
        ({"name": ""}, "format"),
    ],
)
def test_a_signed_assertion_that_is_not_meant_for_this_is_refused(platform, expected, other, reason):
    given = {"who": CITIZEN, "client": CLIENT, "nonce": NONCE, **other}
    assert refusal(platform.assertion(**given), expected) == reason


def test_an_assertion_holds_to_its_end_and_the_clocks_leeway(platform, expected):
    text = platform.assertion(CITIZEN, CLIENT, NONCE)
    late = expected.at + timedelta(seconds=120 + 58)
    assert read(SoftwareProvider(), text, replace(expected, at=late)).code == CITIZEN.code
    assert refusal(text, replace(expected, at=late + timedelta(seconds=4))) == "time"
    assert refusal(text, replace(expected, at=expected.at - timedelta(seconds=64))) == "time"


def test_another_signer_is_refused_also_under_the_trusted_ones_name(platform, expected):
    forger = Simulator()
    assert refusal(forger.assertion(CITIZEN, CLIENT, NONCE), expected) == "signer"
    forger.certificate = platform.certificate  # names the trusted certificate, signs with its own key
    assert refusal(forger.assertion(CITIZEN, CLIENT, NONCE), expected) == "signature"


def test_a_certificate_out_of_time_is_refused(platform, expected):
    later = replace(expected, at=expected.at + timedelta(days=31))
    assert refusal(platform.assertion(CITIZEN, CLIENT, NONCE), later) == "certificate"


def _altered(text: str, **changed: object) -> str:
    header, body, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | changed
    packed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{packed}.{signature}"


def test_an_altered_assertion_is_refused(platform, expected):
    text = platform.assertion(CITIZEN, CLIENT, NONCE)
    assert refusal(_altered(text, code=PEOPLE[1].code), expected) == "signature"
    assert refusal(text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB"), expected) == "signature"


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "e30.e30.e30", "W10.W10.AA", "x" * 20_000, "\0.\0.\0"])
def test_what_is_no_assertion_is_refused(text, expected):
    assert refusal(text, expected) == "format"


def test_an_unsigned_one_by_another_algorithm_is_refused(platform, expected):
    _, body, signature = platform.assertion(CITIZEN, CLIENT, NONCE).split(".")
    header = base64.urlsafe_b64encode(b'{"typ":"kunyu-identity-1","alg":"none"}').rstrip(b"=").decode()
    assert refusal(f"{header}.{body}.{signature}", expected) == "format"
