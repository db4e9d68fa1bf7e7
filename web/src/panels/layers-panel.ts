/** `<ky-layers>`: what is on the map, in drawing order, and the catalogue below it to switch more on. */
import { html, nothing, type TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { repeat } from 'lit/directives/repeat.js';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { named, t } from '../language';
import { hueOf } from '../map/layer-style';
import { store, type LayerState, type Side } from '../store';
import './layer-tree';

export class KyLayers extends StoreElement {
  static override properties = {
    folded: { state: true },
    unfolded: { state: true },
    side: { state: true },
    inView: { attribute: false },
  };

  /** Rows a person folded or unfolded; without a word from him the topmost one is unfolded. */
  declare folded: ReadonlySet<string>;
  declare unfolded: ReadonlySet<string>;
  /** Which map of a comparison is being set up. */
  declare side: Side;
  /** Codes that are drawn now, by collection: the legend explains what is seen. */
  declare inView: ReadonlyMap<string, ReadonlySet<string>>;
  /** What is known of the layers on the map; a refusal is kept as text. */
  readonly #known = new Map<string, LayerInfo | string>();
  readonly #asked = new Set<string>();

  constructor() {
    super();
    this.folded = new Set();
    this.unfolded = new Set();
    this.side = 'left';
    this.inView = new Map();
  }

  /** Asks what a layer is when it comes onto the map, not before. */
  #ask(collection: string): void {
    if (this.#asked.has(collection)) return;
    this.#asked.add(collection);
    void layerInfo(collection)
      .then((layer) => this.#known.set(collection, layer))
      .catch((error: unknown) => {
        this.#asked.delete(collection);
        this.#known.set(collection, error instanceof Error ? error.message : String(error));
      })
      .finally(() => this.requestUpdate());
  }

  protected override render(): TemplateResult {
    const { compare } = store.state;
    const hasTwo = compare.mode !== 'off' && compare.rightLayers !== null;
    const side: Side = hasTwo ? this.side : 'left';
    const on = store.layersOn(side);
    for (const { collection } of on) this.#ask(collection);
    return html`
      <section class="ky-on" aria-label=${t('地图上的图层', 'Layers on the map')}>
        <h2>${t('图层', 'Layers')}<span class="ky-count">${t(`已开 ${on.length}`, `${on.length} on`)}</span>
          ${on.length > 1 ? html`<button type="button" class="ky-link" @click=${() => this.#clear(side)}>${t('全部关闭', 'All off')}</button>` : nothing}</h2>
        ${hasTwo ? this.#sides(side) : nothing}
        ${on.length
          ? html`<ul>${repeat(on, (one) => one.collection, (one, index) => this.#guarded(one, index, on.length, side))}</ul>`
          : html`<p class="ky-hint">${t('地图上还没有图层。在下面的目录中打开一个。', 'Nothing is on the map yet. Switch a layer on in the catalogue below.')}</p>`}
      </section>
      <section class="ky-tree" aria-label=${t('数据目录', 'Data catalogue')}>
        <h2>${t('数据目录', 'Data catalogue')}</h2>
        <ky-layer-tree .side=${side}></ky-layer-tree>
      </section>
    `;
  }

  #sides(side: Side): TemplateResult {
    const button = (one: Side, text: string): TemplateResult =>
      html`<button type="button" aria-pressed=${side === one ? 'true' : 'false'} @click=${() => (this.side = one)}>${text}</button>`;
    return html`<div class="ky-views" role="group" aria-label=${t('设置哪一幅图', 'Which map to set up')}>
      ${button('left', t('左图', 'Left map'))}${button('right', t('右图', 'Right map'))}</div>`;
  }

  #clear(side: Side): void {
    for (const { collection } of store.layersOn(side)) store.toggle(collection, false, side);
  }

  #isOpen(collection: string, index: number): boolean {
    return this.unfolded.has(collection) || (index === 0 && !this.folded.has(collection));
  }

  #fold(collection: string, open: boolean): void {
    const without = (set: ReadonlySet<string>): Set<string> => new Set([...set].filter((one) => one !== collection));
    this.unfolded = open ? without(this.unfolded) : without(this.unfolded).add(collection);
    this.folded = open ? without(this.folded).add(collection) : without(this.folded);
  }

  /** A row is drawn again only when something it shows has changed: two hundred may be on. */
  #guarded(state: LayerState, index: number, count: number, side: Side): unknown {
    const known = this.#known.get(state.collection);
    const open = this.#isOpen(state.collection, index);
    const seen = open ? this.inView.get(state.collection) : undefined;
    return guard([state, known, open, seen, index === 0, index === count - 1, side], () =>
      typeof known === 'object'
        ? this.#row(known, state, open, seen, index === 0, index === count - 1, side)
        : this.#unknown(state, known, side),
    );
  }

  #unknown({ collection }: LayerState, problem: string | undefined, side: Side): TemplateResult {
    return html`<li class="ky-on-row"><div class="ky-on-head">
      <span class="ky-on-name" title=${collection}>${problem ?? collection}</span>
      <button type="button" class="ky-tool" @click=${() => store.toggle(collection, false, side)} aria-label=${t(`${collection}：关闭`, `${collection}: switch off`)}>${icon('x')}</button>
    </div></li>`;
  }

  #row(layer: LayerInfo, { collection, opacity, filter }: LayerState, open: boolean, seen: ReadonlySet<string> | undefined, first: boolean, last: boolean, side: Side): TemplateResult {
    const name = named(layer);
    return html`<li class="ky-on-row">
      <div class="ky-on-head">
        <button type="button" class="ky-tool ky-unfold" aria-expanded=${open ? 'true' : 'false'} @click=${() => this.#fold(collection, open)}
          aria-label=${t(`${name}：不透明度与图例`, `${name}: opacity and legend`)}>${icon(open ? 'chevron-down' : 'chevron-right')}</button>
        ${swatch(layer)}
        <span class="ky-on-name" title=${`${collection} ${layer.code}`}>${name}</span>
        ${filter ? html`<span class="ky-tag" title=${filter}>${t('已过滤', 'filtered')}</span>` : nothing}
        ${layer.label.secrecy > 0
          ? html`<span class="ky-tag ky-secrecy-${layer.label.secrecy}" title=${named(layer.label)}>${named(layer.label).split(/[·,]/)[0]}</span>`
          : nothing}
        <button type="button" class="ky-tool" @click=${() => store.toggle(collection, false, side)} aria-label=${t(`${name}：关闭`, `${name}: switch off`)}>${icon('x')}</button>
      </div>
      ${open ? this.#more(layer, opacity, seen, first, last, side) : nothing}
    </li>`;
  }

  #more(layer: LayerInfo, opacity: number, seen: ReadonlySet<string> | undefined, first: boolean, last: boolean, side: Side): TemplateResult {
    const { collection } = layer;
    const name = named(layer);
    const entries = seen ? layer.legend.filter((entry) => seen.has(entry.code)) : layer.legend;
    return html`
      <div class="ky-on-set"><label class="ky-opacity"><span>${t('不透明度', 'Opacity')}</span>
        <input type="range" class="form-range" min="0" max="100" step="5" .value=${String(Math.round(opacity * 100))} aria-label=${t(`${name}：不透明度`, `${name}: opacity`)}
          @input=${(event: Event) => store.setOpacity(collection, Number((event.target as HTMLInputElement).value) / 100, side)}>
        <output>${Math.round(opacity * 100)}%</output>
      </label>
      <div class="ky-on-tools">
        <button type="button" class="ky-tool" ?disabled=${first} @click=${() => store.move(collection, -1, side)} aria-label=${t(`${name}：上移`, `${name}: move up`)}>${icon('arrow-up')}</button>
        <button type="button" class="ky-tool" ?disabled=${last} @click=${() => store.move(collection, 1, side)} aria-label=${t(`${name}：下移`, `${name}: move down`)}>${icon('arrow-down')}</button>
        ${layer.extent
          ? html`<button type="button" class="ky-tool" @click=${() => this.#zoom(layer)} aria-label=${t(`${name}：缩放到范围`, `${name}: zoom to extent`)}>${icon('focus-2')}</button>`
          : nothing}
      </div></div>
      ${entries.length
        ? html`<details class="ky-legend" ?open=${!matchMedia('(max-width: 767px)').matches}>
            <summary>${t(`图例（图面上 ${entries.length} 类）`, `Legend (${entries.length} classes in view)`)}</summary>
            <ul>${entries.map((entry) => html`<li><i style=${`background:${entry.colour}`}></i><span class="ky-code">${entry.code}</span>${named(entry)}</li>`)}</ul>
          </details>`
        : nothing}`;
  }

  #zoom(layer: LayerInfo): void {
    this.dispatchEvent(new CustomEvent('zoom-to', { detail: layer.extent, bubbles: true }));
  }
}

function swatch(layer: LayerInfo): TemplateResult {
  const entries = layer.legend;
  if (entries.length) {
    const step = Math.max(1, Math.floor(entries.length / 4));
    const four = [0, 1, 2, 3].map((n) => entries[Math.min(n * step, entries.length - 1)]!.colour);
    return html`<i class="ky-swatch many" aria-hidden="true">${four.map((colour) => html`<b style=${`background:${colour}`}></b>`)}</i>`;
  }
  const shape = layer.geometry === 'Point' ? 'point' : layer.geometry === 'LineString' ? 'line' : 'area';
  return html`<i class="ky-swatch ${shape}" style=${`--hue:${hueOf(layer)}`} aria-hidden="true"></i>`;
}

customElements.define('ky-layers', KyLayers);
declare global {
  interface HTMLElementTagNameMap {
    'ky-layers': KyLayers;
  }
}
