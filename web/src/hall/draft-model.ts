/**
 * What is typed into a form of the hall, kept on the device until the node has it (离线暂存). Pure but for the store given.
 *
 * Kept per person, application and form. Files, passwords and codes of identity documents are never kept: by the field's
 * kind and name, and by what the value looks like.
 */

export type Values = Readonly<Record<string, readonly string[]>>;

export interface Draft {
  readonly version: 1;
  /** when it was last typed into, ISO */
  readonly at: string;
  /** of the application when the form was opened */
  readonly revision: number;
  /** sent to the node; it is gone from here once the node's revision has moved on */
  readonly sent: boolean;
  readonly values: Values;
}

/** What the browser offers; tests give their own. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

export const PREFIX = 'kunyu.hall.';
export const KEPT_DAYS = 14;
const LONGEST = 200_000;
const SECRET_NAME = /(^|[._-])(applicant[._-]?code|code|credit[._-]?code|document|id[._-]?(number|card|code)|password|otp|once|csrfmiddlewaretoken)$/i;
/** The code of a project or matter is no document of a person. */
const OPEN_NAME = /project[._-]?code|use[._-]?code/i;
const CITIZEN_ID = /(?<![\d.])(\d{17}[\dXx]|\d{15})(?![\dXx])/;
const KEPT_KINDS = new Set(['text', 'search', 'number', 'date', 'email', 'tel', 'url', 'textarea', 'select-one', 'select-multiple', 'checkbox', 'radio']);

/** May a field be kept on the device at all? `kind` as DOM elements name theirs; hidden ones only where the page says so. */
export function mayKeepField(name: string, kind: string, isNamedForDrafts = false): boolean {
  if (!name || (SECRET_NAME.test(name) && !OPEN_NAME.test(name))) return false;
  return KEPT_KINDS.has(kind) || (kind === 'hidden' && isNamedForDrafts);
}

/** May a value be kept: not too long, and no code of an identity document in it. */
export function mayKeepValue(value: string): boolean {
  return value.length <= LONGEST && !CITIZEN_ID.test(value);
}

export const draftKey = (person: string, form: string): string => `${PREFIX}${person}/${form}`;

export function sameValues(a: Values, b: Values): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => (a[name] ?? []).join('\u0000') === (b[name] ?? []).join('\u0000'));
}

/** Drafts of one person on one device. A full or forbidden store keeps nothing and says so. */
export class Drafts {
  readonly #shelf: Shelf;
  readonly #person: string;
  readonly #now: () => Date;

  constructor(shelf: Shelf, person: string, now: () => Date = () => new Date()) {
    this.#shelf = shelf;
    this.#person = person;
    this.#now = now;
  }

  find(form: string): Draft | null {
    return read(this.#shelf.getItem(draftKey(this.#person, form)));
  }

  /** Keeps values; false when the device has no room for them or allows none. */
  keep(form: string, revision: number, values: Values, sent = false): boolean {
    const kept = Object.fromEntries(Object.entries(values).filter(([, all]) => all.every(mayKeepValue)));
    const draft: Draft = { version: 1, at: this.#now().toISOString(), revision, sent, values: kept };
    try {
      this.#shelf.setItem(draftKey(this.#person, form), JSON.stringify(draft));
      return true;
    } catch {
      return false;
    }
  }

  remove(form: string): void {
    this.#shelf.removeItem(draftKey(this.#person, form));
  }

  /** Takes away what is another person's, too old, or saved: sent, and the application has moved on since. */
  tidy(application: string, revision: number): void {
    const oldest = this.#now().getTime() - KEPT_DAYS * 86_400_000;
    for (const key of keysOf(this.#shelf)) {
      const [person, about] = key.slice(PREFIX.length).split('/');
      const draft = read(this.#shelf.getItem(key));
      const isSaved = draft !== null && about === application && draft.sent && draft.revision < revision;
      if (draft === null || person !== this.#person || Date.parse(draft.at) < oldest || isSaved) this.#shelf.removeItem(key);
    }
  }
}

/** After signing out nothing stays, whoever's it was. */
export function forgetAll(shelf: Shelf): void {
  for (const key of keysOf(shelf)) shelf.removeItem(key);
}

function keysOf(shelf: Shelf): string[] {
  return Array.from({ length: shelf.length }, (_, index) => shelf.key(index)).filter((key): key is string => key?.startsWith(PREFIX) ?? false);
}

function read(text: string | null): Draft | null {
  try {
    const found = JSON.parse(text ?? 'null') as Draft | null;
    return found?.version === 1 && typeof found.at === 'string' && typeof found.values === 'object' && found.values ? found : null;
  } catch {
    return null;
  }
}
