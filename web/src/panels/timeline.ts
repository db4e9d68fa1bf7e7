/** `<ky-timeline>`: the days on which the data changed; moving along them moves the map in time. */
import { html, nothing, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { t } from '../language';
import { store, type State } from '../store';
import { dayOf, daysOf, instantsOf, labelled, nextStop, readDay, stopOf } from '../time-model';

const PLAY_MS = 1800;
const MOST_LABELS = 7;
const FEW_LABELS = 4;

export class KyTimeline extends StoreElement {
  static override properties = { layers: { state: true }, playing: { state: true }, steward: { type: Boolean } };

  declare layers: readonly LayerInfo[];
  declare playing: boolean;
  /** Those who answer for the data also ask what the node knew on an earlier day. */
  declare steward: boolean;
  #asked = '';
  #timer = 0;

  constructor() {
    super();
    this.layers = [];
    this.playing = false;
    this.steward = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load(store.state);
  }

  override disconnectedCallback(): void {
    this.#stop();
    super.disconnectedCallback();
  }

  protected override stateChanged(state: State): void {
    void this.#load(state);
  }

  get #days(): readonly string[] {
    return daysOf(this.layers.map((layer) => layer.dates));
  }

  /** What the layers that are on say of their days. */
  async #load(state: State): Promise<void> {
    const asked = state.layers.map((layer) => layer.collection).sort().join(',');
    if (asked === this.#asked) return;
    this.#asked = asked;
    const found = await Promise.all(state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    if (asked === this.#asked) this.layers = found.filter((layer) => layer !== null);
  }

  #play(): void {
    if (this.playing) return this.#stop();
    this.playing = true;
    this.#step();
    this.#timer = window.setInterval(() => this.#step(), PLAY_MS);
  }

  #step(): void {
    const days = this.#days;
    const stop = nextStop(days, store.state.validAt);
    store.setValidAt(dayOf(days, stop));
    if (stop === days.length) this.#stop(); // today is the end
  }

  #stop(): void {
    window.clearInterval(this.#timer);
    this.playing = false;
  }

  #go(stop: number): void {
    this.#stop();
    store.setValidAt(dayOf(this.#days, stop));
  }

  /** A typed day; what is no day of the calendar puts the field back to the day shown. */
  #typedDay(event: Event): void {
    const input = event.target as HTMLInputElement;
    const day = input.value.trim() === '' ? '' : readDay(input.value);
    this.#stop();
    if (day !== null) store.setValidAt(day);
    input.value = store.state.validAt;
  }

  protected override render(): TemplateResult {
    const { validAt } = store.state;
    const days = this.#days;
    const today = t('今天', 'Today');
    return html`
      <div class="ky-time-head">${icon('calendar-time')}<span>${t('数据日期', 'Map as of')}</span>
        <strong aria-live="polite">${validAt || today}</strong>
        ${days.length > 1 ? html`<button type="button" class="ky-tool" @click=${() => this.#play()}
          aria-label=${this.playing ? t('停止播放', 'Stop playing') : t('逐次播放变化', 'Play the changes')}>${icon(this.playing ? 'player-pause' : 'player-play')}</button>` : nothing}
        ${validAt ? html`<button type="button" class="ky-link" @click=${() => this.#go(days.length)}>${t('回到今天', 'Back to today')}</button>` : nothing}
        ${this.steward ? this.#knownAt() : nothing}
        <label class="ky-time-any"><span class="visually-hidden">${t('任选日期', 'Any date')}</span>
          <input type="text" inputmode="numeric" maxlength="11" placeholder=${t('年-月-日', 'YYYY-MM-DD')} .value=${validAt} @change=${this.#typedDay}></label>
      </div>
      ${days.length ? this.#track(days, today) : html`<p class="ky-hint">${store.state.layers.length
            ? t('已开的图层没有变化日期。', 'The layers that are on name no dates.')
            : t('打开图层后，这里列出它的数据在哪些日期变化过；拖动即可看到那一天的地图。', 'Switch a layer on and the dates at which its data changed appear here; drag to see the map of that day.')}</p>`}
    `;
  }

  #track(days: readonly string[], today: string): TemplateResult {
    const at = stopOf(days, store.state.validAt);
    const count = days.length;
    const shown = labelled(count + 1, matchMedia('(max-width: 767px)').matches ? FEW_LABELS : MOST_LABELS);
    return html`<div class="ky-time-track">
      <input type="range" class="form-range" min="0" max=${count} step="1" .value=${String(at)} @input=${(event: Event) => this.#go(Number((event.target as HTMLInputElement).value))}
        aria-label=${t('数据变化的日期', 'Dates at which the data changed')} aria-valuetext=${store.state.validAt || today}>
      <div class="ky-time-stops" aria-hidden="true">
        ${[...days, today].map((label, index) => html`<button type="button" tabindex="-1" class=${`${index === at ? 'is-on' : ''} ${shown.has(index) ? '' : 'is-quiet'}`}
          title=${label} style=${`left:${(index / count) * 100}%`} @click=${() => this.#go(index)}>${shown.has(index) ? label : ''}</button>`)}
      </div>
    </div>`;
  }

  /** "As known on": the instants at which something was published. */
  #knownAt(): TemplateResult {
    const instants = instantsOf(this.layers.map((layer) => layer.versions.map((one) => one.known_from)));
    const { knownAt } = store.state;
    const listed = knownAt && !instants.includes(knownAt) ? [knownAt, ...instants] : instants;
    return html`<label class="ky-known"><span>${t('按当时所知', 'As known')}</span>
      <select @change=${(event: Event) => store.setKnownAt((event.target as HTMLSelectElement).value)}>
        <option value="" ?selected=${knownAt === ''}>${t('现在', 'now')}</option>
        ${listed.map((one) => html`<option value=${one} ?selected=${one === knownAt}>${one.slice(0, 16).replace('T', ' ')}</option>`)}
      </select></label>`;
  }
}

customElements.define('ky-timeline', KyTimeline);
declare global {
  interface HTMLElementTagNameMap {
    'ky-timeline': KyTimeline;
  }
}
