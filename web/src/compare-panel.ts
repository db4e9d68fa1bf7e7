/** `<ky-compare-panel>`: chooses how two maps are compared, and what the right one shows. */
import { html, nothing, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from './api';
import { StoreElement } from './element';
import { named, t } from './language';
import { store, type CompareMode, type State } from './store';
import { daysOf, readDay } from './time-model';

const MODES: readonly (readonly [CompareMode, string, string])[] = [
  ['swipe', '卷帘', 'Swipe'],
  ['side', '并排', 'Side by side'],
  ['off', '不对比', 'One map'],
];

export class KyComparePanel extends StoreElement {
  static override properties = { layers: { state: true } };

  /** What is known of the layers of both maps. */
  declare layers: readonly LayerInfo[];

  constructor() {
    super();
    this.layers = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#open();
  }

  /** Opening the panel begins a comparison: today beside the day before the last change. */
  async #open(): Promise<void> {
    await this.#load(store.state);
    if (store.state.compare.mode !== 'off' || !this.isConnected) return;
    const days = daysOf(this.layers.map((layer) => layer.dates));
    const { validAt } = store.state;
    const earlier = days.filter((day) => !validAt || day < validAt);
    store.setCompare({ mode: 'swipe', rightValidAt: '' });
    // the earlier state stands at the left, as people read
    if (!validAt && earlier.length > 1) store.setValidAt(earlier[earlier.length - 2]!);
  }

  protected override stateChanged(state: State, before: State): void {
    if (state.layers !== before.layers || state.compare.rightLayers !== before.compare.rightLayers) void this.#load(state);
  }

  async #load(state: State): Promise<void> {
    const named = new Set([...state.layers, ...(state.compare.rightLayers ?? [])].map((one) => one.collection));
    const found = await Promise.all([...named].map((one) => layerInfo(one).catch(() => null)));
    this.layers = found.filter((layer) => layer !== null);
  }

  #day(side: 'left' | 'right', text: string): void {
    const day = text.trim() === '' ? '' : readDay(text);
    if (day === null) return this.requestUpdate();
    if (side === 'left') store.setValidAt(day);
    else store.setCompare({ rightValidAt: day });
  }

  protected override render(): TemplateResult {
    const { compare, validAt, layers } = store.state;
    const days = daysOf(this.layers.map((layer) => layer.dates));
    return html`
      <fieldset class="ky-choice"><legend>${t('方式', 'How')}</legend>
        ${MODES.map(([mode, zh, en]) => html`<label><input type="radio" name="ky-compare-mode" class="form-check-input" .checked=${compare.mode === mode}
          @change=${() => store.setCompare({ mode })}>${t(zh, en)}</label>`)}
      </fieldset>
      ${compare.mode === 'off'
        ? html`<p class="ky-hint">${t('比较两个日期，或两组图层。', 'Compares two dates, or two sets of layers.')}</p>`
        : html`
          <div class="ky-two-days">${this.#dayField('left', t('左图日期', 'Left: day'), validAt, days)}${this.#dayField('right', t('右图日期', 'Right: day'), compare.rightValidAt, days)}</div>
          <label class="ky-check"><input type="checkbox" class="form-check-input" .checked=${compare.rightLayers !== null}
            @change=${(event: Event) => store.setCompare({ rightLayers: (event.target as HTMLInputElement).checked ? [...layers] : null })}>
            ${t('右图用另一组图层', 'Other layers on the right')}</label>
          ${compare.rightLayers === null ? nothing : html`
            <p class="ky-hint">${t('在左侧图层面板中选“右图”，打开或关闭右图的图层。', 'Choose “Right map” in the layers panel to switch its layers.')}</p>
            <ul class="ky-plain">${compare.rightLayers.map(({ collection }) => html`<li>${this.#nameOf(collection)}</li>`)}</ul>`}
          <p class="ky-hint">${t('两图同步缩放、平移。', 'Both maps move together.')}${compare.mode === 'swipe' ? t('卷帘分界可用方向键移动。', ' Arrow keys move the divider.') : nothing}</p>`}
    `;
  }

  #nameOf(collection: string): string {
    const layer = this.layers.find((one) => one.collection === collection);
    return layer ? named(layer) : collection;
  }

  #dayField(side: 'left' | 'right', label: string, value: string, days: readonly string[]): TemplateResult {
    return html`<label><span>${label}</span>
      <input type="text" inputmode="numeric" maxlength="11" list="ky-compare-days" placeholder=${t('今天', 'Today')} .value=${value}
        @change=${(event: Event) => this.#day(side, (event.target as HTMLInputElement).value)}></label>
      <datalist id="ky-compare-days">${days.map((day) => html`<option value=${day}></option>`)}</datalist>`;
  }
}

customElements.define('ky-compare-panel', KyComparePanel);
