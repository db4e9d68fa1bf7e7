/** Pages of cases: answers of a check tied to their places on the map. The pages work without this. */
import './styles/cases.css';
import { store } from './store';

const UNDERLAY_OPACITY = 0.45;

interface FindingMap extends HTMLElement {
  chooseFinding?: (fingerprint: string) => void;
}

function mark(fingerprint: string | undefined, scroll: boolean): void {
  for (const row of document.querySelectorAll<HTMLElement>('[data-fingerprint]')) {
    const isChosen = row.dataset.fingerprint === fingerprint;
    row.classList.toggle('chosen', isChosen);
    if (isChosen && scroll) row.scrollIntoView({ block: 'nearest' });
  }
}

const map = document.querySelector<FindingMap>('ky-map');
if (map) {
  const underlay = map.dataset.underlay;
  if (underlay) {
    store.toggle(underlay, true);
    store.setOpacity(underlay, UNDERLAY_OPACITY);
  }
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button.cs-place') : null;
    const fingerprint = button?.closest<HTMLElement>('[data-fingerprint]')?.dataset.fingerprint;
    if (!fingerprint) return;
    mark(fingerprint, false);
    // a press before the map has woken is not lost
    void customElements.whenDefined('ky-map').then(() => map.chooseFinding?.(fingerprint));
    map.scrollIntoView({ block: 'nearest' });
  });
  map.addEventListener('finding-chosen', (event) => mark((event as CustomEvent<{ fingerprint: string }>).detail.fingerprint, true));
}
