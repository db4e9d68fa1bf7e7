/** The ways in besides name and password: certificate and passkey; and the registration of passkeys on the account page. */
import { t } from './language';
import './styles/sign-in.css';

interface Problem {
  readonly code: string;
  readonly detail_zh: string;
  readonly detail_en: string;
}

/** A refusal of the node, in the language of the page. */
class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(t(problem.detail_zh, problem.detail_en));
  }
}

const box = document.querySelector<HTMLElement>('[data-said]');

function say(text: string): void {
  if (!box) return;
  box.textContent = text;
  box.hidden = text === '';
}

/** The page's proof against requests of other sites stands in its forms; scripts cannot read the cookie. */
function pageToken(): string {
  return document.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')?.value ?? '';
}

async function post<Answer>(address: string, body: unknown = {}): Promise<Answer> {
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRFToken': pageToken() },
    body: JSON.stringify(body),
  });
  const said: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const problem = said as Problem | null;
    throw problem?.detail_zh ? new Refused(problem) : new Error(t('节点没有应答，请稍后再试。', 'The node did not answer; try again.'));
  }
  return said as Answer;
}

/** Run what a form starts: one at a time, errors said, buttons resting meanwhile. */
function act(form: HTMLFormElement, work: () => Promise<void>): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = '1';
    say('');
    work()
      .catch((error: unknown) => {
        if (error instanceof Refused && error.problem.code === 'confirmation_needed') location.assign('/account/confirm');
        else say(sentence(error));
      })
      .finally(() => delete form.dataset.busy);
  });
}

function sentence(error: unknown): string {
  if (error instanceof DOMException) {
    if (error.name === 'InvalidStateError') return t('这个设备已经登记过。', 'This device is registered already.');
    if (error.name === 'SecurityError') {
      return t('这个网址不能使用通行密钥：请用主机名和 https 访问，不要用 IP 地址。', 'This address allows no passkeys: use a host name and https, no address in numbers.');
    }
    return t('没有完成：已取消、超时，或设备上没有可用的通行密钥。', 'Not done: cancelled, too late, or no passkey for this node on the device.');
  }
  return error instanceof Error ? error.message : String(error);
}

// -- passkeys ------------------------------------------------------------------
const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
const text = (buffer: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

interface Named {
  readonly id: string;
  readonly type: 'public-key';
  readonly transports?: AuthenticatorTransport[];
}
const named = (list: readonly Named[] = []): PublicKeyCredentialDescriptor[] => list.map((one) => ({ ...one, id: bytes(one.id) }));

type Json<Options, Names extends string> = Omit<Options, 'challenge' | Names> & { challenge: string };
type CreationJson = Json<PublicKeyCredentialCreationOptions, 'user' | 'excludeCredentials'> & {
  user: { id: string; name: string; displayName: string };
  excludeCredentials?: Named[];
};
type RequestJson = Json<PublicKeyCredentialRequestOptions, 'allowCredentials'> & { allowCredentials?: Named[] };

async function provePasskey(next: string): Promise<void> {
  const asked = await post<RequestJson>('/login/passkey/options');
  const options = { ...asked, challenge: bytes(asked.challenge), allowCredentials: named(asked.allowCredentials) };
  const found = (await navigator.credentials.get({ publicKey: options })) as PublicKeyCredential | null;
  if (!found) throw new DOMException('none', 'NotAllowedError');
  const response = found.response as AuthenticatorAssertionResponse;
  const credential = {
    id: found.id,
    rawId: text(found.rawId),
    type: found.type,
    response: {
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
  };
  location.assign((await post<{ next: string }>('/login/passkey', { credential, next })).next);
}

async function addPasskey(name: string): Promise<void> {
  const asked = await post<CreationJson>('/account/factors/passkey/options');
  const options: PublicKeyCredentialCreationOptions = {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: named(asked.excludeCredentials),
  };
  const made = (await navigator.credentials.create({ publicKey: options })) as PublicKeyCredential | null;
  if (!made) throw new DOMException('none', 'NotAllowedError');
  const response = made.response as AuthenticatorAttestationResponse;
  const credential = {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      attestationObject: text(response.attestationObject),
      clientDataJSON: text(response.clientDataJSON),
      transports: response.getTransports?.() ?? [],
    },
  };
  location.assign((await post<{ next: string }>('/account/factors/passkey', { credential, name })).next);
}

// -- certificate ---------------------------------------------------------------
async function proveCertificate(form: HTMLFormElement, next: string): Promise<void> {
  const files = form.querySelector<HTMLInputElement>('input[type=file]');
  const passphrase = form.querySelector<HTMLInputElement>('input[type=password]');
  if (!files || !passphrase) return;
  const chosen = Array.from(files.files ?? []);
  if (chosen.some((file) => file.size > 65_536)) throw new Error(t('文件太大，不是软证书。', 'The file is too large for a software certificate.'));
  const soft = await import('./soft-token');
  const token = soft.readFiles(await Promise.all(chosen.map((file) => file.text())));
  const { message } = await post<{ message: string }>('/login/certificate/challenge');
  // the message names its purpose and the host: a false page could not make us sign for another
  if (!message.startsWith(`kunyu sign-in 1\n${location.hostname}\n`)) throw new Error(t('挑战内容异常，已停止签名。', 'The challenge is not ours; nothing was signed.'));
  const signature = await soft.sign(token, passphrase.value, message);
  passphrase.value = '';
  location.assign((await post<{ next: string }>('/login/certificate', { certificate: token.certificate, signature, next })).next);
}

// -- tabs ----------------------------------------------------------------------
const KEPT = 'kunyu.way-in';

function choose(tabs: readonly HTMLButtonElement[], chosen: HTMLButtonElement, focus: boolean): void {
  for (const tab of tabs) {
    const on = tab === chosen;
    tab.setAttribute('aria-selected', String(on));
    tab.tabIndex = on ? 0 : -1;
    const panel = document.getElementById(tab.getAttribute('aria-controls') ?? '');
    if (panel) panel.hidden = !on;
  }
  if (focus) chosen.focus();
}

function setUpTabs(list: HTMLElement): void {
  const tabs = Array.from(list.querySelectorAll<HTMLButtonElement>('[role=tab]'));
  list.hidden = false;
  for (const tab of tabs) {
    tab.addEventListener('click', () => {
      say('');
      choose(tabs, tab, false);
      localStorage.setItem(KEPT, tab.id);
    });
  }
  list.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const at = tabs.indexOf(document.activeElement as HTMLButtonElement);
    const next = step ? tabs[(at + step + tabs.length) % tabs.length] : undefined;
    if (next) choose(tabs, next, true);
  });
  const kept = tabs.find((tab) => tab.id === localStorage.getItem(KEPT));
  if (kept && kept !== tabs[0] && box?.hidden !== false) choose(tabs, kept, false);
}

const next = document.querySelector<HTMLElement>('[data-sign-in]')?.dataset.next ?? '/';
const tabs = document.querySelector<HTMLElement>('.ky-door-tabs');
if (tabs) setUpTabs(tabs);
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-passkey]')) act(form, () => provePasskey(next));
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-certificate]')) act(form, () => proveCertificate(form, next));
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-add-passkey]')) {
  act(form, () => addPasskey(form.querySelector<HTMLInputElement>('input:not([type=hidden])')?.value ?? ''));
}
