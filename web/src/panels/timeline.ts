/** `<ky-timeline>`: the days on which the data changed; moving along them moves the map in time. */
import { html, nothing, type TemplateResult } from 'lit';
import { layerRegistry } from '../api';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { t } from '../language';
import { store, type State } from '../store';

export class KyTimeline extends StoreElement {
  static override properties = { dates: { state: true }, problem: { state: true } };

  declare dates: readonly string[];
  declare problem: string;
  #asked = '';

  constructor() {
    super();
    this.dates = [];
    this.problem = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load(store.state);
  }

  protected override stateChanged(state: State): void {
    void this.#load(state);
  }

  /** Days of the layers that are on. */
  async #load(state: State): Promise<void> {
    const collections = state.layers.map((layer) => layer.collection).sort();
    const asked = collections.join(',');
    if (asked === this.#asked) return;
    this.#asked = asked;
    if (!collections.length) {
      this.dates = [];
      return;
    }
    try {
      const layers = (await layerRegistry()).filter((layer) => collections.includes(layer.collection));
      if (asked === this.#asked) this.dates = [...new Set(layers.flatMap((layer) => layer.dates))].sort();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** Index on the slider: the last change on or before the day shown; the last stop is today. */
  get #index(): number {
    const { validAt } = store.state;
    if (!validAt) return this.dates.length;
    let index = 0;
    this.dates.forEach((one, position) => {
      if (one <= validAt) index = position;
    });
    return index;
  }

  #move(event: Event): void {
    const index = Number((event.target as HTMLInputElement).value);
    store.setValidAt(this.dates[index] ?? '');
  }

  /** A typed day; what is no day of the calendar puts the field back to the day shown. */
  #typedDay(event: Event): void {
    const input = event.target as HTMLInputElement;
    const text = input.value.trim();
    const real = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text);
    if (text === '' || real) store.setValidAt(text);
    else input.value = store.state.validAt;
  }

  protected override render(): TemplateResult {
    const { validAt } = store.state;
    const today = t('今天', 'Today');
    const count = this.dates.length;
    const shown = validAt || today;
    return html`
      <div class="ky-time-head">${icon('calendar-time')}<span>${t('数据日期', 'Map as of')}</span>
        <strong aria-live="polite">${shown}</strong>
        ${validAt ? html`<button type="button" class="ky-link" @click=${() => store.setValidAt('')}>${t('回到今天', 'Back to today')}</button>` : nothing}
        <label class="ky-time-any"><span class="visually-hidden">${t('任选日期', 'Any date')}</span>
          <input type="text" inputmode="numeric" maxlength="10" pattern="\\d{4}-\\d{2}-\\d{2}" placeholder=${t('年-月-日', 'YYYY-MM-DD')} .value=${validAt} @change=${this.#typedDay}></label>
      </div>
      ${this.problem ? html`<p class="ky-hint" role="alert">${this.problem}</p>` : nothing}
      ${count
        ? html`<div class="ky-time-track" style=${`--stops:${count}`}>
            <input type="range" class="form-range" min="0" max=${count} step="1" .value=${String(this.#index)} @input=${(event: Event) => this.#move(event)}
              aria-label=${t('数据变化的日期', 'Dates at which the data changed')} aria-valuetext=${shown}>
            <div class="ky-time-stops" aria-hidden="true">
              ${[...this.dates, today].map((label, index) => html`<button type="button" tabindex="-1" class=${index === this.#index ? 'is-on' : ''}
                style=${`left:${(index / count) * 100}%`} @click=${() => store.setValidAt(this.dates[index] ?? '')}>${label}</button>`)}
            </div>
          </div>`
        : html`<p class="ky-hint">${store.state.layers.length
            ? t('已开的图层没有变化日期。', 'The layers that are on name no dates.')
            : t('打开图层后，这里列出它的数据在哪些日期变化过；拖动即可看到那一天的地图。', 'Switch a layer on and the dates at which its data changed appear here; drag to see the map of that day.')}</p>`}
    `;
  }
}

customElements.define('ky-timeline', KyTimeline);
