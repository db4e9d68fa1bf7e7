/** The page of one delivery: progress while the node works on it, and findings chosen in the table or on the map. */
import './styles/delivery.css';

interface Progress {
  readonly status: string;
  readonly working: boolean;
  readonly progress: { readonly stage?: string; readonly done?: number; readonly total?: number };
}

interface FindingMap extends HTMLElement {
  chooseFinding?: (fingerprint: string) => void;
}

const SOON_MS = 1000;
const LATER_MS = 3000;
/** Looks without work after which a publication that failed has left its reason on the page. */
const QUIET_LOOKS = 8;

function watch(box: HTMLElement, words: HTMLElement, bar: HTMLProgressElement): void {
  const started = box.dataset.status;
  let quiet = 0;
  const look = async (): Promise<void> => {
    // nobody asked for this request: it does not keep the session awake
    const answer = await fetch(box.dataset.url ?? '', { headers: { 'Kunyu-Background': '1' } }).catch(() => null);
    if (!answer?.ok) {
      setTimeout(look, LATER_MS);
      return;
    }
    const now = (await answer.json()) as Progress;
    const { stage = '', done = 0, total = 0 } = now.progress;
    if (now.status !== started) return location.replace(location.pathname);
    quiet = now.working ? 0 : quiet + 1;
    // a publication that failed leaves the status as it was: the page then shows the reason
    if (started === 'accepted' && quiet > QUIET_LOOKS) return location.replace(location.pathname);
    box.hidden = false;
    const counted = total > 1 ? `${done.toLocaleString()} / ${total.toLocaleString()}` : '';
    if (now.working && stage) words.textContent = `${stage} ${counted}`;
    if (total > 0) {
      bar.max = total;
      bar.value = done;
    } else bar.removeAttribute('value');
    setTimeout(look, SOON_MS);
  };
  void look();
}

function tie(map: FindingMap, table: HTMLTableElement): void {
  const mark = (fingerprint: string | undefined): void => {
    for (const row of table.tBodies[0]?.rows ?? []) row.classList.toggle('chosen', row.dataset.fingerprint === fingerprint);
  };
  table.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const fingerprint = button?.closest('tr')?.dataset.fingerprint;
    if (!fingerprint) return;
    mark(fingerprint);
    // a press before the map has woken is not lost
    void customElements.whenDefined('ky-map').then(() => map.chooseFinding?.(fingerprint));
    map.scrollIntoView({ block: 'nearest' });
  });
  map.addEventListener('finding-chosen', (event) => mark((event as CustomEvent<{ fingerprint: string }>).detail.fingerprint));
}

const box = document.getElementById('progress');
const words = document.getElementById('progress-text');
const bar = document.getElementById('progress-bar');
if (box?.dataset.watch && words && bar instanceof HTMLProgressElement) watch(box, words, bar);
const map = document.querySelector<FindingMap>('ky-map');
const table = document.getElementById('finding-table');
if (map && table instanceof HTMLTableElement) tie(map, table);
