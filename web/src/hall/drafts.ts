/** Keeps what is typed into the hall's forms on the device, offers it again, and says so when there is no network. */
import { t } from '../language';
import { Drafts, mayKeepField, mayKeepValue, sameValues, type Values } from './draft-model';

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const WAIT_MS = 400;
const REACH_MS = 6000;

const metaOf = (name: string): HTMLMetaElement | null => document.querySelector(`meta[name="${name}"]`);

function fieldsOf(form: HTMLFormElement): Field[] {
  return ([...form.elements] as Field[]).filter((field) => mayKeepField(field.name, field.type, field.hasAttribute('data-draft-field')) && !field.hasAttribute('data-secret'));
}

function valuesOf(form: HTMLFormElement): Values {
  const found: Record<string, string[]> = {};
  for (const field of fieldsOf(form)) {
    const all = (found[field.name] ??= []);
    if (field instanceof HTMLSelectElement) all.push(...[...field.selectedOptions].map((one) => one.value));
    else if (field.type === 'checkbox' || field.type === 'radio') {
      if ((field as HTMLInputElement).checked) all.push(field.value);
    } else all.push(field.value);
  }
  return found;
}

function fill(form: HTMLFormElement, values: Values): void {
  const used = new Map<string, number>();
  for (const field of fieldsOf(form)) {
    const given = values[field.name];
    if (!given) continue;
    if (field instanceof HTMLSelectElement) for (const option of field.options) option.selected = given.includes(option.value);
    else if (field.type === 'checkbox' || field.type === 'radio') (field as HTMLInputElement).checked = given.includes(field.value);
    else {
      const place = used.get(field.name) ?? 0;
      used.set(field.name, place + 1);
      field.value = given[place] ?? '';
    }
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }
}

const clock = (at: Date): string => at.toLocaleString(t('zh-CN', 'en-GB'), { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** One form of an application. */
class DraftForm {
  readonly #form: HTMLFormElement;
  readonly #name: string;
  readonly #drafts: Drafts;
  readonly #revision: number;
  readonly #before: Values;
  readonly #note: HTMLElement;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(form: HTMLFormElement, name: string, drafts: Drafts, revision: number) {
    this.#form = form;
    this.#name = name;
    this.#drafts = drafts;
    this.#revision = revision;
    this.#before = valuesOf(form);
    this.#note = document.createElement('p');
    this.#note.className = 'hl-draft';
    this.#note.setAttribute('role', 'status');
    this.#note.hidden = true;
    const place = form.querySelector('[data-draft-note]');
    if (place) place.append(this.#note);
    else form.prepend(this.#note);
    const sent = drafts.find(name);
    // sent, and the application has not moved on: the node refused it
    if (sent?.sent && sent.revision >= revision) drafts.keep(name, revision, sent.values);
    this.#offer();
    for (const kind of ['input', 'change']) form.addEventListener(kind, () => this.#later());
    addEventListener('online', () => this.#say());
    addEventListener('offline', () => this.#keep());
    addEventListener('pagehide', () => this.#timer !== undefined && this.#keep());
  }

  #offer(): void {
    const draft = this.#drafts.find(this.#name);
    if (!draft || sameValues({ ...this.#before, ...draft.values }, this.#before)) return;
    const since = draft.revision < this.#revision ? t('（这份申请之后又改过，请核对）', ' (the application has changed since: compare)') : '';
    const words = document.createElement('span');
    words.textContent = t(`本机有您 ${clock(new Date(draft.at))} 填写、还没有保存的内容${since}。`, `This device holds what you typed on ${clock(new Date(draft.at))} and did not save${since}.`);
    const button = (text: string, act: () => void): HTMLButtonElement => {
      const made = document.createElement('button');
      made.type = 'button';
      made.className = 'btn btn-outline-primary';
      made.textContent = text;
      made.addEventListener('click', act);
      return made;
    };
    this.#note.replaceChildren(
      words,
      button(t('接着填', 'Take it back'), () => {
        fill(this.#form, draft.values);
        this.#say();
      }),
      button(t('不要了', 'Discard'), () => {
        this.#drafts.remove(this.#name);
        this.#note.hidden = true;
      }),
    );
    this.#note.hidden = false;
    const folded = this.#form.closest('details');
    if (folded) folded.open = true;
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), WAIT_MS);
  }

  #keep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const values = valuesOf(this.#form);
    if (sameValues(values, this.#before)) this.#drafts.remove(this.#name);
    else this.#say(this.#drafts.keep(this.#name, this.#revision, values), values);
  }

  #say(isKept = true, values: Values = {}): void {
    if (!this.#drafts.find(this.#name)) return;
    const secret = Object.values(values).flat().some((value) => !mayKeepValue(value));
    const except = secret ? t('（证件号码不留在本机）', ' (codes of documents are not kept here)') : '';
    this.#note.textContent = !isKept
      ? t('本机存不下，请尽快点保存。', 'This device has no room: save soon.')
      : navigator.onLine
        ? t(`已暂存在本机${except}，点“保存”才会存到办事大厅。`, `Kept on this device${except}; press Save to keep it at the hall.`)
        : t(`现在没有网络。已保存在本机${except}，联网后请点保存。`, `There is no network. Kept on this device${except}; press Save once there is.`);
    this.#note.hidden = false;
  }

  /** About to be sent: once the node has it, nothing stays here. */
  sent(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const values = valuesOf(this.#form);
    if (!sameValues(values, this.#before)) this.#drafts.keep(this.#name, this.#revision, values, true);
  }

  /** It could not be sent. */
  unsent(): void {
    this.#keep();
  }
}

/** Does the node answer? Only a network that fails says no: a slow node is there. */
async function isReachable(): Promise<boolean> {
  if (!navigator.onLine) return false;
  try {
    await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(REACH_MS) });
    return true;
  } catch (error) {
    return error instanceof DOMException && error.name === 'TimeoutError';
  }
}

function sayOffline(form: HTMLFormElement, isKept: boolean): void {
  const note = form.querySelector<HTMLElement>('.hl-offline') ?? document.createElement('p');
  note.className = 'hl-offline hl-problem';
  note.setAttribute('role', 'alert');
  note.textContent = isKept
    ? t('现在没有网络，没有提交。已保存在本机，联网后请点保存。', 'There is no network: nothing was sent. It is kept on this device; press Save once there is.')
    : t('现在没有网络，没有提交。请不要关闭本页，联网后再点一次。', 'There is no network: nothing was sent. Keep this page open and press again once there is.');
  form.append(note);
}

/** Wakes drafts on the page's forms, and asks the network before anything is sent. */
export function wakeDrafts(): void {
  const person = metaOf('kunyu-person')?.content ?? '';
  const about = metaOf('kunyu-application');
  const kept = new Map<HTMLFormElement, DraftForm>();
  if (person && about && storage()) {
    const revision = Number(about.dataset.revision);
    const drafts = new Drafts(storage()!, person);
    drafts.tidy(about.content, revision);
    for (const form of document.querySelectorAll<HTMLFormElement>('main form[data-once]:not([data-online])')) {
      // a form of ticks alone, such as a declaration, is filled in again
      if (!fieldsOf(form).some((field) => field.type !== 'checkbox' && field.type !== 'radio')) continue;
      kept.set(form, new DraftForm(form, form.dataset.draft ?? `${about.content}/${location.pathname.split('/').filter(Boolean).at(-1)}`, drafts, revision));
    }
  }
  const asked = new WeakSet<HTMLFormElement>();
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches('main form[data-once]')) return;
    const draft = kept.get(form);
    if (asked.delete(form)) return draft?.sent();
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter as HTMLButtonElement | null;
    void isReachable().then((yes) => {
      if (!yes) {
        draft?.unsent();
        return sayOffline(form, Boolean(draft));
      }
      form.querySelector('.hl-offline')?.remove();
      asked.add(form);
      form.requestSubmit(submitter);
      return undefined;
    });
  }, { capture: true });
}

/** The device's store; null where the browser forbids it. */
function storage(): Storage | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
