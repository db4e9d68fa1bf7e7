/** `<ky-compare>`: a second map beside the first or over it, its camera bound to the first one's. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Map as MapLibre } from 'maplibre-gl';
import { Echo, LEAST, MOST, draggedTo, keyTo } from './compare-model';
import { StoreElement } from './element';
import { icon } from './icons';
import { t } from './language';
import type { KyMap } from './map/map-view';
import { shownOn, store, type State } from './store';

export class KyCompare extends StoreElement {
  static override properties = { percent: { state: true } };

  /** Where the divider stands, percent of the width. */
  declare percent: number;
  /** The page's own map. */
  left: KyMap | undefined;
  #bound: (() => void) | undefined;
  readonly #echo = new Echo();

  constructor() {
    super();
    this.percent = 50;
  }

  get right(): KyMap | null {
    return this.querySelector('ky-map');
  }

  protected override stateChanged(state: State, before: State): void {
    if (state.compare.mode !== before.compare.mode) void this.updateComplete.then(() => this.#bind());
  }

  /** Starts with what the address says, once the first map stands. */
  begin(left: KyMap): void {
    this.left = left;
    void this.updateComplete.then(() => this.#bind());
  }

  override disconnectedCallback(): void {
    this.#bound?.();
    super.disconnectedCallback();
  }

  /** Binds the cameras as soon as both maps stand; nothing is left behind when the comparison ends. */
  #bind(): void {
    this.#bound?.();
    this.#bound = undefined;
    const [left, right] = [this.left?.map, this.right?.map];
    if (!left || !right) return;
    const follow = (from: MapLibre, to: MapLibre): (() => void) => {
      const move = (): void =>
        this.#echo.run(() => to.jumpTo({ center: from.getCenter(), zoom: from.getZoom(), bearing: from.getBearing(), pitch: from.getPitch() }));
      from.on('move', move);
      return () => from.off('move', move);
    };
    right.jumpTo({ center: left.getCenter(), zoom: left.getZoom() });
    const ends = [follow(left, right), follow(right, left)];
    this.#bound = () => ends.forEach((end) => end());
  }

  // -- the divider -----------------------------------------------------------------------------------------

  #grab(event: PointerEvent): void {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  }

  #drag(event: PointerEvent): void {
    if (!(event.currentTarget as HTMLElement).hasPointerCapture(event.pointerId)) return;
    const box = this.getBoundingClientRect();
    this.percent = draggedTo(event.clientX, box.left, box.width);
  }

  #key(event: KeyboardEvent): void {
    const next = keyTo(event.key, this.percent);
    if (next === null) return;
    event.preventDefault();
    this.percent = next;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { mode } = store.state.compare;
    if (mode === 'off') return nothing;
    const today = t('今天', 'Today');
    const [left, right] = [shownOn(store.state, 'left').validAt || today, shownOn(store.state, 'right').validAt || today];
    const listening = this.left?.listening ?? (() => null);
    return html`<div class="ky-compare-${mode}" style=${`--at:${this.percent}%`}>
      <ky-map side="right" .listening=${listening}></ky-map>
      ${mode === 'swipe' ? html`
        <div class="ky-divider" role="slider" tabindex="0" aria-label=${t('左右两图的分界', 'Divider between the two maps')} aria-orientation="horizontal"
          aria-valuemin=${LEAST} aria-valuemax=${MOST} aria-valuenow=${Math.round(this.percent)}
          aria-valuetext=${t(`左 ${left} 占 ${Math.round(this.percent)}%，右 ${right}`, `left ${left} on ${Math.round(this.percent)}%, right ${right}`)}
          @pointerdown=${this.#grab} @pointermove=${this.#drag} @keydown=${this.#key}><span>${icon('columns-2')}</span></div>` : nothing}
      <p class="ky-day ky-day-left">${left}</p>
      <p class="ky-day ky-day-right">${right}</p>
    </div>`;
  }
}

customElements.define('ky-compare', KyCompare);
declare global {
  interface HTMLElementTagNameMap {
    'ky-compare': KyCompare;
  }
}
