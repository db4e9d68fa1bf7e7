/**
 * The bell in the top bar: how much is unread, what is to do, which jobs run. It listens to the node's events where the
 * page names an address for them, and asks every 20 seconds otherwise.
 */
import './styles/bell.css';
import { t } from './language';

interface Told {
  readonly id: number;
  readonly level: 'info' | 'warning' | 'alarm';
  readonly title_zh: string;
  readonly title_en: string;
  readonly at: string;
  readonly is_read: boolean;
}

export interface Job {
  readonly key: string;
  readonly title_zh: string;
  readonly title_en: string;
  readonly href: string;
  readonly phase_zh: string;
  readonly phase_en: string;
  readonly done: number;
  readonly total: number;
  readonly outcome: 'running' | 'done' | 'failed';
  readonly message_zh: string;
  readonly message_en: string;
  /** runs in a row; all but the last were interrupted */
  readonly attempts: number;
  readonly is_stale: boolean;
}

export interface Changes {
  readonly unread: number;
  readonly latest: number;
  readonly newest: readonly Told[];
  readonly new: readonly Told[];
  readonly tasks: { readonly mine: number; readonly overdue: number; readonly claimable: number };
  readonly incidents: number;
  readonly progress: readonly Job[];
}

const ASK_EVERY_MS = 20_000;
const TRY_EVENTS_AGAIN_MS = 300_000;
const FAILURES_ALLOWED = 3;
/** Hints that go to everybody: pages spread their questions over this time, so that the node is not asked all at once. */
const SPREAD_MS = 1500;
const SOON_MS = 150;
/** So long the first event may take before the page asks without it. */
const FIRST_EVENT_MS = 1500;

function made<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = '',
  text = '',
): HTMLElementTagNameMap[K] {
  const one = document.createElement(name);
  if (className) one.className = className;
  if (text) one.textContent = text;
  return one;
}

/** What a screen reader says of the bell, and what stands in the tooltip. */
export function summaryOf(changes: Changes): string {
  const { mine, overdue, claimable } = changes.tasks;
  return t(
    `通知：${changes.unread} 条未读；待办 ${mine} 项${overdue ? `，其中超期 ${overdue} 项` : ''}；可领取 ${claimable} 项`,
    `Notifications: ${changes.unread} unread; ${mine} tasks${overdue ? `, ${overdue} overdue` : ''}; ${claimable} to claim`,
  );
}

/** `99+` beyond what fits into the badge; nothing for nothing. */
export function badgeOf(unread: number): string {
  return unread > 99 ? '99+' : unread > 0 ? String(unread) : '';
}

/** How far a job is, 0 to 1; null where nobody knows. */
export function shareOf(job: Pick<Job, 'done' | 'total'>): number | null {
  return job.total > 0 ? Math.min(1, Math.max(0, job.done / job.total)) : null;
}

/** Where a job stands, in words; one whose process was interrupted says so, while it runs again and when it is done. */
export function wordsOf(job: Job): string {
  const said = t(job.message_zh, job.message_en);
  if (job.outcome === 'failed') return `${t('失败', 'failed')} ${said}`;
  if (job.outcome === 'done') return job.attempts > 1 ? `${t('已完成', 'finished')} · ${said}` : t('已完成', 'finished');
  if (job.is_stale) return t('一分钟没有消息；若处理进程已中断，会自动重新开始', 'not heard of for a minute; if its process was interrupted, it begins again by itself');
  const share = shareOf(job);
  const phase = `${t(job.phase_zh, job.phase_en)}${share === null ? '' : ` ${Math.floor(share * 100)}%`}`;
  return [phase, said].filter(Boolean).join(' · ');
}

function jobRow(job: Job): HTMLElement {
  const row = made('div', `ky-job ky-job-${job.outcome}`);
  const head = made('p', 'ky-job-head');
  const title = made('a', '', t(job.title_zh, job.title_en));
  title.href = job.href || '/notifications/';
  head.append(title);
  const share = shareOf(job);
  head.append(made('small', '', wordsOf(job)));
  row.append(head);
  if (job.outcome === 'running') {
    const bar = made('progress');
    bar.setAttribute('aria-label', t(job.title_zh, job.title_en));
    if (share !== null) bar.value = share;
    row.append(bar);
  }
  return row;
}

/** Draws jobs into a place of the page. */
export function drawJobs(place: Element, jobs: readonly Job[]): void {
  place.replaceChildren(...jobs.map(jobRow));
}

class Bell {
  readonly #root: HTMLDetailsElement;
  readonly #said: HTMLElement;
  #events: EventSource | undefined;
  #failures = 0;
  #latest = 0;
  #due: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Infinity;
  #asking = false;
  #over = false;

  constructor(root: HTMLDetailsElement) {
    this.#root = root;
    this.#said = made('span', 'visually-hidden');
    this.#said.setAttribute('role', 'status');
    root.after(this.#said);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#soon(0);
    });
    root.addEventListener('toggle', () => {
      if (root.open) this.#soon(0);
    });
    this.#listen();
    // the first event says "all": asking before it as well would ask twice
    this.#soon(this.#events ? FIRST_EVENT_MS : 0);
  }

  #listen(): void {
    const address = this.#root.dataset.events;
    if (!address || this.#over || this.#events) return;
    const events = new EventSource(address, { withCredentials: true });
    this.#events = events;
    events.addEventListener('changed', (event) => {
      this.#failures = 0;
      const what = (event as MessageEvent<string>).data;
      if (what === 'all' && !this.#latest) this.#soon(0);
      else this.#soon(what === 'task' || what === 'incident' ? SOON_MS + Math.random() * SPREAD_MS : SOON_MS);
    });
    events.addEventListener('bye', () => {
      this.#stopListening();
      void this.#ask();
    });
    events.addEventListener('error', () => {
      this.#failures += 1;
      if (events.readyState !== EventSource.CLOSED && this.#failures < FAILURES_ALLOWED) return;
      this.#stopListening();
      this.#soon(ASK_EVERY_MS);
      setTimeout(() => {
        this.#failures = 0;
        this.#listen();
      }, TRY_EVENTS_AGAIN_MS);
    });
  }

  #stopListening(): void {
    this.#events?.close();
    this.#events = undefined;
  }

  /** Ask after this time, or earlier if that was settled already. */
  #soon(afterMs: number): void {
    const at = Date.now() + afterMs;
    if (this.#over || at >= this.#dueAt) return;
    clearTimeout(this.#due);
    this.#dueAt = at;
    this.#due = setTimeout(() => {
      this.#dueAt = Infinity;
      if (!document.hidden || this.#events) void this.#ask();
      else this.#soon(ASK_EVERY_MS);
    }, afterMs);
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#over) return;
    this.#asking = true;
    try {
      const answer = await fetch(`/api/worklist/changes?since=${this.#latest}`, {
        headers: { Accept: 'application/json' },
        credentials: 'same-origin',
      });
      if (answer.status === 401 || answer.status === 403) {
        this.#over = true;
        this.#stopListening();
        return;
      }
      if (answer.ok) this.#draw((await answer.json()) as Changes);
    } catch {
      // the node is away: asked again below
    } finally {
      this.#asking = false;
      const running = this.#root.dataset.running === 'true';
      if (!this.#events) this.#soon(running ? ASK_EVERY_MS / 5 : ASK_EVERY_MS);
    }
  }

  #draw(changes: Changes): void {
    const badge = this.#root.querySelector<HTMLElement>('.ky-bell-count');
    if (badge) {
      badge.textContent = badgeOf(changes.unread);
      badge.hidden = changes.unread === 0;
    }
    const summary = this.#root.querySelector('summary');
    summary?.setAttribute('aria-label', summaryOf(changes));
    summary?.setAttribute('title', summaryOf(changes));
    this.#count('mine', changes.tasks.mine, changes.tasks.overdue > 0);
    this.#count('claimable', changes.tasks.claimable);
    this.#count('incidents', changes.incidents, changes.incidents > 0);
    this.#root.dataset.running = String(changes.progress.some((one) => one.outcome === 'running'));
    for (const place of document.querySelectorAll('[data-jobs]')) drawJobs(place, changes.progress);
    this.#drawNewest(changes.newest);
    const upTo = this.#root.querySelector<HTMLInputElement>('input[name=up_to]');
    if (upTo) upTo.value = String(changes.latest);
    const readAll = this.#root.querySelector<HTMLButtonElement>('.ky-bell-read');
    if (readAll) readAll.hidden = changes.unread === 0;
    if (this.#latest && changes.new.length) {
      this.#said.textContent = changes.new.map((one) => t(one.title_zh, one.title_en)).join('；');
    }
    this.#latest = Math.max(this.#latest, changes.latest);
    document.dispatchEvent(new CustomEvent<Changes>('ky-changes', { detail: changes }));
  }

  #count(name: string, value: number, alert = false): void {
    const place = this.#root.querySelector<HTMLElement>(`[data-count=${name}]`);
    if (!place) return;
    place.textContent = String(value);
    place.classList.toggle('alert-count', alert);
  }

  #drawNewest(newest: readonly Told[]): void {
    const list = this.#root.querySelector('.ky-bell-list');
    if (!list) return;
    if (newest.length === 0) {
      list.replaceChildren(made('li', 'ky-bell-none', t('还没有通知', 'Nothing to tell you yet')));
      return;
    }
    list.replaceChildren(
      ...newest.map((one) => {
        const row = made('li', `${one.is_read ? '' : 'unread '}level-${one.level}`);
        const link = made('a', '', t(one.title_zh, one.title_en));
        link.href = `/notifications/${one.id}`;
        if (!one.is_read) link.append(made('span', 'visually-hidden', t('（未读）', ' (unread)')));
        const at = made('time', '', one.at.slice(5, 16).replace('T', ' '));
        at.dateTime = one.at;
        row.append(link, at);
        return row;
      }),
    );
  }
}

if (typeof document !== 'undefined') {
  for (const root of document.querySelectorAll<HTMLDetailsElement>('details.ky-bell')) new Bell(root);
}
