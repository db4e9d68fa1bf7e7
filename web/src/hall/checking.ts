/** Looks what the land meets without leaving the page, by itself after a plot was saved. The button works without this. */
import { t } from '../language';

const TICK_MS = 1000;

/** A sentence for a look that takes `seconds`. */
export function waitingText(seconds: number): string {
  if (seconds < 2) return t('正在核验…', 'Looking…');
  const long = seconds >= 15 ? t('。数据较多，请稍候，可以先填别的', '. There are many data; you may go on meanwhile') : '';
  return t(`正在核验…已用 ${seconds} 秒${long}`, `Looking… ${seconds} s${long}`);
}

async function look(section: HTMLElement): Promise<void> {
  const form = section.querySelector<HTMLFormElement>('form[data-check]')!;
  const button = form.querySelector<HTMLButtonElement>('button')!;
  const progress = section.querySelector<HTMLElement>('[data-check-progress]')!;
  const begun = performance.now();
  const tick = (): void => void (progress.textContent = waitingText(Math.floor((performance.now() - begun) / 1000)));
  button.disabled = true;
  progress.hidden = false;
  tick();
  const timer = setInterval(tick, TICK_MS);
  try {
    const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), headers: { Accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.querySelector<HTMLElement>('#findings');
    if (!answer.ok || !next) throw new Error(String(answer.status));
    next.removeAttribute('data-check-due');
    for (const said of page.querySelectorAll('main > .alert')) next.querySelector('h2')?.after(document.adoptNode(said));
    section.replaceWith(document.adoptNode(next));
    document.dispatchEvent(new CustomEvent('hall-checked'));
  } catch {
    progress.textContent = navigator.onLine
      ? t('没有查成，请稍后再试；不影响填写和提交。', 'That did not work; try again later. You may go on and submit all the same.')
      : t('现在没有网络，联网后再查。', 'There is no network; look again when there is.');
    button.disabled = false;
  } finally {
    clearInterval(timer);
  }
}

/** Takes over the button, and looks by itself where nothing current is shown. */
export function wakeChecks(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement;
    const section = form.matches('form[data-check]') ? form.closest<HTMLElement>('#findings') : null;
    if (!section) return;
    event.preventDefault();
    void look(section);
  });
  const due = document.querySelector<HTMLElement>('#findings[data-check-due]');
  if (due) void look(due);
}
