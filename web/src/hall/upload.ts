/** Materials: each file is sent as soon as it is chosen, with its progress; then only its card is drawn anew. */
import { t } from '../language';

const MIB = 1 << 20;
const LOOK_MS = 4000;
/** Ten minutes of looking whether a file was read; then the page is left alone. */
const MOST_LOOKS = 150;

interface Refusal {
  readonly refused?: Readonly<Record<string, string>>;
  readonly detail_zh?: string;
  readonly detail_en?: string;
}

/** What the node said of a file, or a sentence for what went wrong on the way. */
export function sentenceOf(status: number, body: string, kind: string): string {
  try {
    const answer = JSON.parse(body) as Refusal;
    const said = answer.refused?.[kind] ?? Object.values(answer.refused ?? {})[0] ?? t(answer.detail_zh ?? '', answer.detail_en ?? '');
    if (said) return said;
  } catch {
    // no JSON: something between the page and the node answered
  }
  if (status === 413) return t('文件太大，没有收下。', 'The file is too large and was not taken.');
  if (status === 0) return t('网络断了，没有传完。请检查网络后重新选择文件。', 'The network broke off. Check it and choose the file again.');
  return t(`没有传上去（${status}），请再试一次。`, `It was not taken (${status}); try again.`);
}

/** The form of all materials. */
class Upload {
  readonly #form: HTMLFormElement;
  #sending = 0;
  #looks = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Kinds whose cards are to be drawn from the next fresh page. */
  readonly #due = new Set<string>();
  #drawing = false;

  constructor(form: HTMLFormElement) {
    this.#form = form;
    form.addEventListener('change', (event) => {
      const input = event.target;
      if (input instanceof HTMLInputElement && input.type === 'file' && input.files?.[0]) this.#send(input, input.files[0]);
    });
    if (form.hasAttribute('data-reading')) this.#later();
  }

  #send(input: HTMLInputElement, file: File): void {
    const card = input.closest<HTMLElement>('.hl-material');
    if (!card) return;
    const kind = card.id.replace(/^kind-/, '');
    const limit = Number(this.#form.dataset.limitMb);
    if (file.size > limit * MIB) {
      input.value = '';
      this.#fault(card, t(`文件 ${file.name} 有 ${Math.ceil(file.size / MIB)} MB，超过 ${limit} MB。请以 200—300 dpi、灰度重新扫描，或分成几份上传。`, `${file.name} has ${Math.ceil(file.size / MIB)} MB, more than ${limit} MB. Scan it anew at 200 to 300 dpi in grey, or upload it in parts.`));
      return;
    }
    const body = new FormData();
    body.set('csrfmiddlewaretoken', this.#form.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')?.value ?? '');
    body.set('act', 'upload');
    body.set(`file-${kind}`, file);
    input.value = '';
    this.#post(card, kind, file.name, body);
  }

  #post(card: HTMLElement, kind: string, name: string, body: FormData): void {
    const box = card.querySelector<HTMLElement>('.hl-sending');
    const bar = box?.querySelector('progress');
    const words = box?.querySelector('span');
    card.querySelector(':scope > .hl-fault')?.remove();
    if (box) box.hidden = false;
    const say = (text: string, share: number): void => {
      if (bar) bar.value = share;
      if (words) words.textContent = text;
    };
    say(t(`正在上传 ${name}`, `Sending ${name}`), 0);
    const request = new XMLHttpRequest();
    request.open('POST', location.pathname);
    request.setRequestHeader('Accept', 'application/json');
    request.upload.addEventListener('progress', (event) => {
      const share = event.lengthComputable ? Math.round((100 * event.loaded) / event.total) : 0;
      say(share < 100 ? `${share} %` : t('已传完，正在检查文件', 'Sent; being looked at'), share);
    });
    request.addEventListener('loadend', () => {
      this.#sending -= 1;
      if (request.status === 200) {
        this.#due.add(kind);
        void this.#draw();
        return;
      }
      if (box) box.hidden = true;
      card.setAttribute('aria-busy', 'false');
      this.#fault(card, sentenceOf(request.status, request.responseText, kind));
    });
    this.#sending += 1;
    card.setAttribute('aria-busy', 'true');
    request.send(body);
  }

  #fault(card: HTMLElement, text: string): void {
    card.querySelector(':scope > .hl-fault')?.remove();
    const said = document.createElement('p');
    said.className = 'hl-fault';
    said.setAttribute('role', 'alert');
    said.textContent = text;
    card.querySelector('.hl-take')?.before(said);
    said.scrollIntoView({ block: 'nearest' });
  }

  /** One page after the other: an answer that was asked for earlier must not come later and undo what is shown. */
  async #draw(): Promise<void> {
    if (this.#drawing) return;
    this.#drawing = true;
    try {
      do {
        const due = new Set(this.#due);
        this.#due.clear();
        await this.#drawFresh(due);
      } while (this.#due.size);
    } finally {
      this.#drawing = false;
    }
  }

  /** Draws the cards of a fresh page in place of those here: those that are due, and all that were being read. */
  async #drawFresh(due: ReadonlySet<string>): Promise<void> {
    const answer = await fetch(location.pathname, { headers: { Accept: 'text/html', 'Kunyu-Background': '1' } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const card of this.#form.querySelectorAll<HTMLElement>('.hl-material')) {
      const waits = card.querySelector('[data-waiting]') !== null;
      const made = fresh.getElementById(card.id);
      // a card in which somebody is choosing something, or that sends, is left alone; one that merely was scrolled to is not
      const isUsed = card.ariaBusy === 'true' || (card !== document.activeElement && card.contains(document.activeElement));
      if (made && (due.has(card.id.replace(/^kind-/, '')) || (waits && !isUsed))) card.replaceWith(document.adoptNode(made));
    }
    for (const part of ['.hl-head > p:last-child', '.hl-steps']) {
      const [here, made] = [document.querySelector(part), fresh.querySelector(part)];
      if (here && made) here.replaceWith(document.adoptNode(made));
    }
    const last = [...due].at(-1);
    if (last) document.getElementById(`kind-${last}`)?.focus({ preventScroll: true });
    for (const one of document.querySelectorAll('.hl-without-js')) one.remove();
    if (fresh.querySelector('form[data-reading]')) this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (this.#looks >= MOST_LOOKS) return;
    this.#looks += 1;
    this.#timer = setTimeout(() => (this.#sending || document.hidden ? this.#later() : void this.#draw()), LOOK_MS);
  }
}

/** Wakes the step of the materials. */
export function wakeUpload(form: HTMLFormElement): void {
  new Upload(form);
}
