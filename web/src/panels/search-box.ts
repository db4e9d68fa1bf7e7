/** `<ky-search>`: places, parcel codes and coordinates; a combobox that works without a mouse. */
import { html, nothing, type TemplateResult } from 'lit';
import { searchPlaces, type SearchHit } from '../api';
import { PageElement } from '../element';
import { lonLat } from '../format';
import { icon, type IconName } from '../icons';
import { t } from '../language';
import { readCoordinate } from '../map/coordinate';
import { store } from '../store';

const PAUSE_MS = 180;

export class KySearch extends PageElement {
  static override properties = {
    words: { state: true },
    hits: { state: true },
    active: { state: true },
    open: { state: true },
    note: { state: true },
  };

  declare words: string;
  declare hits: readonly SearchHit[];
  declare active: number;
  declare open: boolean;
  declare note: string;
  #timer = 0;
  #request: AbortController | undefined;

  constructor() {
    super();
    this.words = '';
    this.hits = [];
    this.active = 0;
    this.open = false;
    this.note = '';
  }

  #typed(event: InputEvent): void {
    this.words = (event.target as HTMLInputElement).value;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#look(), PAUSE_MS);
  }

  async #look(): Promise<void> {
    this.#request?.abort();
    const words = this.words.trim();
    this.note = '';
    if (!words) {
      this.hits = [];
      this.open = false;
      return;
    }
    const place = readCoordinate(words);
    const own: SearchHit[] = place
      ? [{ kind: 'coordinate', title: lonLat(place.lon, place.lat), subtitle: t('坐标', 'coordinate'), lon: place.lon, lat: place.lat, box: null, collection: null, feature: null }]
      : [];
    const request = (this.#request = new AbortController());
    try {
      const found = place ? [] : await searchPlaces(words, store.state.validAt, request.signal, store.state.layers.map((layer) => layer.collection));
      this.hits = [...own, ...found];
      this.note = this.hits.length ? '' : t(
        `没有找到“${words}”。可以输入地名、18 位标识码（BSM）或坐标，如 113.02, 34.51。`,
        `Nothing found for “${words}”. Try a place name, an 18-digit parcel code (BSM) or a coordinate such as 113.02, 34.51.`,
      );
    } catch (error) {
      if (request.signal.aborted) return;
      this.hits = [];
      this.note = error instanceof Error ? error.message : String(error);
    }
    this.active = 0;
    this.open = true;
  }

  async #keys(event: KeyboardEvent): Promise<void> {
    if (event.isComposing) return; // Enter belongs to the input method while Chinese is typed
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      const count = this.hits.length;
      if (count) this.active = (this.active + (key === 'ArrowDown' ? 1 : count - 1)) % count;
      this.open = count > 0 || this.note !== '';
    } else if (key === 'Enter') {
      event.preventDefault();
      if (!this.open || !this.hits.length) {
        window.clearTimeout(this.#timer);
        await this.#look();
      }
      this.#take(this.hits[this.active]);
    } else if (key === 'Escape') {
      event.stopPropagation();
      this.open = false;
    }
  }

  #take(hit: SearchHit | undefined): void {
    if (!hit) return;
    this.open = false;
    this.dispatchEvent(new CustomEvent('search-taken', { detail: hit, bubbles: true, composed: true }));
  }

  protected override render(): TemplateResult {
    return html`<div class="ky-search" role="search" @focusout=${(event: FocusEvent) => {
      if (!this.contains(event.relatedTarget as Node)) this.open = false;
    }}>
      ${icon('search')}
      <input type="text" role="combobox" autocomplete="off" spellcheck="false" enterkeyhint="search"
        aria-label=${t('查找地名、地块标识码或坐标', 'Find a place, a parcel code or a coordinate')}
        placeholder=${t('地名、标识码（BSM）、坐标', 'Place, parcel code, coordinate')}
        aria-expanded=${this.open ? 'true' : 'false'} aria-controls="ky-search-list" aria-autocomplete="list"
        aria-activedescendant=${this.open && this.hits.length ? `ky-hit-${this.active}` : nothing}
        .value=${this.words} @input=${this.#typed} @keydown=${this.#keys}>
      <kbd aria-hidden="true">Ctrl K</kbd>
      <div class="ky-search-list" ?hidden=${!this.open}>
        <ul id="ky-search-list" role="listbox" aria-label=${t('查找结果', 'Results')}>
          ${this.hits.map((hit, index) => html`<li id=${`ky-hit-${index}`} role="option" aria-selected=${index === this.active ? 'true' : 'false'}
            @pointerdown=${(event: Event) => event.preventDefault()} @click=${() => this.#take(hit)}>
            ${icon(ICONS[hit.kind])}<span>${hit.title}</span><small>${hit.subtitle}</small></li>`)}
        </ul>
        ${this.note ? html`<p role="status">${this.note}</p>` : nothing}
      </div>
    </div>`;
  }
}

const ICONS: Record<SearchHit['kind'], IconName> = { division: 'map-pin', feature: 'stack-2', coordinate: 'current-location' };

customElements.define('ky-search', KySearch);
