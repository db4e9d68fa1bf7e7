"""Encrypted columns and their blind index (R-132; domain/security.md §5 personal data; T8, T10)."""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kunyu.kernel.crypto.errors import DecryptionFailed, KeyDestroyed, UnknownKey, WrongKey
from kunyu.kernel.crypto.fields import BlindIndex, FieldCipher, Place, plain_form

pytestmark = pytest.mark.quick

PLACE = Place("parties_person", "identity_number", "7b0c")
NUMBER = "11010119900307002X"
shared_ring = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
def cipher(ring):
    return FieldCipher(ring, "personal/party")


@pytest.fixture
def index(ring):
    return BlindIndex(ring, "personal/index", PLACE.table, PLACE.column)


@shared_ring
@given(value=st.text(max_size=100))
def test_round_trip(cipher, value):
    token = cipher.encrypt(value, PLACE)

    assert token.startswith("kf1.1.")
    assert token.isascii()
    assert cipher.decrypt(token, PLACE) == value


def test_equal_values_give_different_tokens(cipher):
    assert len({cipher.encrypt(NUMBER, PLACE) for _ in range(100)}) == 100


def test_any_changed_letter_fails(cipher):
    """Every letter of the token replaced by four others: prefix, version, nonce, text, tag, and the spare bits."""
    token = cipher.encrypt("张三", PLACE)
    for at in range(len(token)):
        for letter in "Aw9_.0 =":
            if token[at] != letter:
                with pytest.raises((DecryptionFailed, UnknownKey)):
                    cipher.decrypt(token[:at] + letter + token[at + 1 :], PLACE)
    for other in (
        "",
        token + "A",
        token + "=",
        token[:-1],
        "张三",
        token.replace(".1.", ".01."),
        token.replace(".1.", ".①."),
    ):
        with pytest.raises(DecryptionFailed):
            cipher.decrypt(other, PLACE)


@pytest.mark.parametrize(
    "place",
    [Place("other", PLACE.column, PLACE.row), Place(PLACE.table, "name", PLACE.row), Place(PLACE.table, PLACE.column, "7b0d"),
     Place(PLACE.table + "i", PLACE.column[1:], PLACE.row)],
)  # fmt: skip
def test_a_token_moved_elsewhere_does_not_decrypt(cipher, place):
    with pytest.raises(DecryptionFailed):
        cipher.decrypt(cipher.encrypt(NUMBER, PLACE), place)


def test_a_token_of_another_key_does_not_decrypt(ring, cipher):
    from kunyu.kernel.crypto.keyring_state import KeyPurpose

    ring.add_key("personal/other", KeyPurpose.FIELD)
    with pytest.raises(DecryptionFailed):
        cipher.decrypt(FieldCipher(ring, "personal/other").encrypt(NUMBER, PLACE), PLACE)


def test_rotation_path(ring, cipher):
    """Old tokens read on, a job renews them, then the old version is destroyed and nothing is lost."""
    old = cipher.encrypt(NUMBER, PLACE)
    ring.rotate_key("personal/party")

    assert cipher.decrypt(old, PLACE) == NUMBER
    assert not cipher.is_current(old)
    new = cipher.renew(old, PLACE)
    assert new.startswith("kf1.2.")
    assert cipher.is_current(new)
    assert cipher.renew(new, PLACE) == new
    ring.destroy_version("personal/party", 1)
    assert cipher.decrypt(new, PLACE) == NUMBER
    with pytest.raises(KeyDestroyed):
        cipher.decrypt(old, PLACE)


def test_errors_show_no_personal_data(cipher):
    token = cipher.encrypt(NUMBER, PLACE)
    with pytest.raises(DecryptionFailed) as refusal:
        cipher.decrypt(token[:-2] + "AA", PLACE)

    assert NUMBER not in str(refusal.value) and token[10:30] not in str(refusal.value)


def test_keys_of_another_purpose_are_refused(ring):
    with pytest.raises(WrongKey):
        FieldCipher(ring, "personal/index")
    with pytest.raises(WrongKey):
        BlindIndex(ring, "personal/party", "t", "c")
    with pytest.raises(UnknownKey):
        FieldCipher(ring, "personal/none")


def test_equal_values_have_equal_digests(index):
    digest = index.digest(NUMBER)

    assert digest == index.digest("  11010119900307002x ") == index.digest("11010119900307002X")
    assert digest != index.digest("110101199003070021")
    assert digest.startswith("ki1.1.") and len(digest) == 6 + 32
    assert index.candidates(NUMBER) == (digest,)


def test_normal_form():
    assert plain_form(" A\u3000") == "a"
    assert plain_form("ﬁ①") == "fi1"


def test_columns_do_not_share_digests(ring, index):
    other = BlindIndex(ring, "personal/index", PLACE.table, "phone")
    shifted = BlindIndex(ring, "personal/index", PLACE.table + PLACE.column[0], PLACE.column[1:])

    assert len({one.digest(NUMBER) for one in (index, other, shifted)}) == 3


def test_another_ring_gives_other_digests(ring, root, provider, tmp_path):
    from kunyu.kernel.crypto.keyring import KeyRing
    from kunyu.kernel.crypto.keyring_state import KeyPurpose

    stranger = KeyRing.create(provider, tmp_path / "other.json", root, production=True)
    stranger.add_domain("personal")
    stranger.add_key("personal/index", KeyPurpose.INDEX)

    assert BlindIndex(stranger, "personal/index", "t", "c").digest("x") != BlindIndex(
        ring, "personal/index", "t", "c"
    ).digest("x")


def test_rotation_of_the_index(ring, index):
    """While the job runs both digests are looked for; afterwards one."""
    old = index.digest(NUMBER)
    ring.rotate_key("personal/index")
    new = index.digest(NUMBER)

    assert new != old and new.startswith("ki1.2.")
    assert index.candidates(NUMBER) == (new, old)
    assert not index.is_current(old) and index.is_current(new)
    ring.destroy_version("personal/index", 1)
    assert index.candidates(NUMBER) == (new,)
    gc.collect()
    assert len(index._derived) == 1, "the destroyed version's column key is gone too"
