"""The ways in, in a real Chromium: passkeys of a virtual authenticator, a software certificate, the page's policy.

T5, T14, R-071, R-131; attacks: a copied passkey (its counter goes back), scripts written into a page.
"""

import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Page, expect

from kunyu.engines.security.models import Authenticator, BoundCertificate, Passkey, SignInSession, User
from kunyu.engines.security.tests.identity_people import PASSWORD, administrator, person
from kunyu.kernel.crypto import certificates, soft_token

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[4]
PATIENCE_MS = 60_000
WORD = "long enough words"


@pytest.fixture
def page(browser: Browser):
    context = browser.new_context(locale="zh-CN")
    context.set_default_timeout(PATIENCE_MS)
    said: list[str] = []
    found = context.new_page()
    found.on("console", lambda message: said.append(message.text) if _is_violation(message) else None)
    yield found
    context.close()
    assert said == []


def _is_violation(message: ConsoleMessage) -> bool:
    return "Content Security Policy" in message.text or "Refused to" in message.text


def by_password(page: Page, address: str, name: str = "li") -> None:
    page.goto(f"{address}/login")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.click("#way-password button[type=submit]")


def authenticator(page: Page) -> tuple[CDPSession, str]:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    return devtools, devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def register(page: Page, address: str) -> None:
    page.goto(f"{address}/account/factors")
    page.fill("#passkey-name", "办公室密钥")
    page.click("form[data-add-passkey] button")
    expect(page.locator("td", has_text="办公室密钥")).to_be_visible()


def use_passkey_tab(page: Page, address: str) -> None:
    page.goto(f"{address}/login?next=/account/")
    page.click("#tab-passkey")
    page.click("#way-passkey button[type=submit]")


def test_passkey_registers_signs_in_alone_and_as_second_step(page, live_server):
    user = person()
    by_password(page, live_server.url)
    page.wait_for_url(f"{live_server.url}/")
    authenticator(page)
    register(page, live_server.url)
    kept = Passkey.objects.get(user=user)
    assert (kept.rp_id, kept.name) == ("localhost", "办公室密钥")

    page.request.post(f"{live_server.url}/logout", headers={"X-CSRFToken": _token(page)})
    page.context.clear_cookies()
    use_passkey_tab(page, live_server.url)
    expect(page.locator("h1")).to_have_text(user.name_zh)
    assert SignInSession.objects.filter(user=user, method="passkey", two_factors=True, ended_at=None).count() == 1
    assert Passkey.objects.get().sign_count > kept.sign_count

    page.context.clear_cookies()
    page.evaluate("localStorage.clear()")
    by_password(page, live_server.url)
    page.wait_for_url(f"{live_server.url}/login/second")
    page.click("form[data-passkey] button")
    page.wait_for_url(f"{live_server.url}/")


def test_a_copied_passkey_whose_counter_goes_back_is_refused(page, live_server):
    user = person()
    by_password(page, live_server.url)
    page.wait_for_url(f"{live_server.url}/")
    authenticator(page)
    register(page, live_server.url)
    Passkey.objects.filter(user=user).update(sign_count=1000)
    page.context.clear_cookies()
    use_passkey_tab(page, live_server.url)
    expect(page.locator("[data-said]")).to_contain_text("通行密钥验证未通过")
    assert not SignInSession.objects.filter(user=user, method="passkey").exists()


def test_a_passkey_without_pin_finger_or_face_is_refused(page, live_server):
    user = person()
    by_password(page, live_server.url)
    page.wait_for_url(f"{live_server.url}/")
    devtools, name = authenticator(page)
    register(page, live_server.url)
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": False})
    page.context.clear_cookies()
    use_passkey_tab(page, live_server.url)
    expect(page.locator("[data-said]")).to_contain_text("没有完成")
    assert not SignInSession.objects.filter(user=user, method="passkey").exists()


def test_an_administrator_in_production_enrols_an_app_by_the_pages(page, live_server, settings):
    user = administrator("sys", "system")
    settings.PRODUCTION = True
    by_password(page, live_server.url, "sys")
    page.wait_for_url(f"{live_server.url}/account/factors")
    page.get_by_role("button", name="启用动态口令").click()
    expect(page.locator(".ky-qr svg")).to_be_visible()
    secret = Authenticator.objects.get(user=user).secret
    page.fill("#code", pyotp.TOTP(secret).at(int(time.time())))
    page.get_by_role("button", name="启用", exact=True).click()
    expect(page.locator(".ky-recovery li")).to_have_count(10)
    page.goto(f"{live_server.url}/account/")
    expect(page.locator("h1")).to_have_text(user.name_zh)


@pytest.mark.parametrize("word", [WORD, "a wrong passphrase"])
def test_a_software_certificate_signs_in_the_browser_and_never_leaves_it(page, live_server, tmp_path, settings, word):
    user = person()
    settings.KUNYU_HOME = tmp_path
    made = soft_token.create("李某", "县局", WORD.encode())
    issuer_key, root = soft_token.make_test_issuer(b"for the issuer")
    certificate = soft_token.certify(issuer_key, b"for the issuer", root, made.request)
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "root.pem").write_bytes(root.pem())
    key_file, certificate_file = tmp_path / "li.key.pem", tmp_path / "li.crt.pem"
    key_file.write_bytes(made.key)
    certificate_file.write_bytes(certificate.pem())
    BoundCertificate.objects.create(
        user=user, fingerprint=certificate.fingerprint, subject=certificate.subject, issuer=certificate.issuer,
        serial=f"{certificate.serial:x}", not_after=certificate.not_after, bound_by="sec",
    )  # fmt: skip
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.goto(f"{live_server.url}/login?next=/account/")
    page.click("#tab-certificate")
    page.set_input_files("#token-files", [str(key_file), str(certificate_file)])
    page.fill("#token-passphrase", word)
    page.click("#way-certificate button[type=submit]")
    if word == WORD:
        expect(page.locator("h1")).to_have_text(user.name_zh)
        assert SignInSession.objects.get(user=user).method == "certificate"
    else:
        expect(page.locator("[data-said]")).to_contain_text("口令不对")
        assert not SignInSession.objects.filter(user=user).exists()
    assert not any("PRIVATE KEY" in text or word in text for text in sent)
    assert certificates.read_certificate(certificate_file.read_bytes()).fingerprint == certificate.fingerprint


def test_a_script_written_into_a_page_does_not_run(browser, live_server):
    """The policy, not only escaping, stands between a mistake in a template and the reader."""
    person()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{live_server.url}/login")
    page.evaluate("""() => {
      window.ran = [];
      window.failed = [];
      const refused = (name) => () => window.failed.push(name);
      const script = document.createElement('script'); script.textContent = "window.ran.push('inline')";
      document.body.append(script);
      const image = document.createElement('img'); image.setAttribute('onerror', "window.ran.push('handler')");
      image.addEventListener('error', refused('image'));
      image.src = 'data:broken'; document.body.append(image);
      const far = document.createElement('script'); far.src = 'https://evil.example/x.js';
      far.onload = () => window.ran.push('far'); far.onerror = refused('far'); document.body.append(far);
    }""")
    page.wait_for_function("() => window.failed.length === 2")
    assert page.evaluate("window.ran") == []
    page.close()


def test_pages_keep_the_policy_and_work_by_keyboard(page, live_server):
    person()
    page.goto(f"{live_server.url}/login")
    page.focus("#tab-password")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-certificate")).to_be_focused()
    expect(page.locator("#way-certificate")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#way-passkey")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.fill("#username", "li")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    expect(page.locator("canvas.maplibregl-canvas")).to_be_attached()
    for address in (
        "/account/",
        "/account/factors",
        "/account/password",
        "/account/confirm",
        "/catalogue/",
        "/deliveries/",
    ):
        page.goto(live_server.url + address)
    assert User.objects.count() == 1


def _token(page: Page) -> str:
    return page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
