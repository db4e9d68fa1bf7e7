/** `<ky-layers>`: what is on the map, in drawing order, and the catalogue below it to switch more on. */
import { html, nothing, type TemplateResult } from 'lit';
import { catalogueTree, layerRegistry, type DatasetNode, type ItemNode, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { named, t } from '../language';
import { hueOf } from '../map/layer-style';
import { store } from '../store';

export class KyLayers extends StoreElement {
  static override properties = {
    tree: { state: true },
    words: { state: true },
    everything: { state: true },
    open: { state: true },
    legendOf: { state: true },
    problem: { state: true },
    inView: { attribute: false },
  };

  declare tree: readonly ItemNode[] | null;
  declare words: string;
  /** Also the items of the catalogue that nobody has delivered to yet. */
  declare everything: boolean;
  declare open: ReadonlySet<string>;
  declare legendOf: ReadonlySet<string>;
  declare problem: string;
  /** Codes that are drawn now, by collection: the legend explains what is seen. */
  declare inView: ReadonlyMap<string, ReadonlySet<string>>;
  #layers = new Map<string, LayerInfo>();

  constructor() {
    super();
    this.tree = null;
    this.words = '';
    this.everything = false;
    this.open = new Set();
    this.legendOf = new Set();
    this.problem = '';
    this.inView = new Map();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  async #load(): Promise<void> {
    try {
      const [tree, layers] = await Promise.all([catalogueTree(), layerRegistry()]);
      for (const layer of layers) this.#layers.set(layer.collection, layer);
      this.tree = tree;
      this.open = new Set(withData(tree, this.#layers).map((node) => node.code));
      // on a phone the legend would fill the sheet
      const isPhone = matchMedia('(max-width: 767px)').matches;
      this.legendOf = new Set(isPhone ? [] : this.#layers.keys());
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  protected override render(): TemplateResult {
    const on = store.state.layers.filter((layer) => this.#layers.has(layer.collection));
    return html`
      <section class="ky-on" aria-label=${t('地图上的图层', 'Layers on the map')}>
        <h2>${t('图层', 'Layers')}<span class="ky-count">${t(`已开 ${on.length}`, `${on.length} on`)}</span></h2>
        ${on.length
          ? html`<ul>${on.map(({ collection, opacity }, index) => this.#onRow(collection, opacity, index, on.length))}</ul>`
          : html`<p class="ky-hint">${t('地图上还没有图层。在下面的目录中打开一个。', 'Nothing is on the map yet. Switch a layer on in the catalogue below.')}</p>`}
      </section>
      <section class="ky-tree" aria-label=${t('数据目录', 'Data catalogue')}>
        <h2>${t('数据目录', 'Data catalogue')}</h2>
        <div class="ky-tree-tools">
          <label class="ky-filter">${icon('search')}<span class="visually-hidden">${t('筛选目录', 'Filter the catalogue')}</span>
            <input type="search" .value=${this.words} @input=${(event: InputEvent) => (this.words = (event.target as HTMLInputElement).value)}
              placeholder=${t('筛选：名称、编码', 'Filter by name or code')} autocomplete="off" spellcheck="false">
          </label>
          <label class="ky-check"><input type="checkbox" class="form-check-input" .checked=${this.everything}
            @change=${(event: Event) => (this.everything = (event.target as HTMLInputElement).checked)}>${t('含未汇交的', 'Include empty')}</label>
        </div>
        ${this.#body()}
      </section>
    `;
  }

  // -- layers that are on ----------------------------------------------------------------------------------

  #onRow(collection: string, opacity: number, index: number, count: number): TemplateResult {
    const layer = this.#layers.get(collection)!;
    const name = named(layer);
    const seen = this.inView.get(collection);
    const entries = seen ? layer.legend.filter((entry) => seen.has(entry.code)) : layer.legend;
    const open = this.legendOf.has(collection);
    return html`<li class="ky-on-row">
      <div class="ky-on-head">
        ${swatch(layer)}
        <span class="ky-on-name" title=${`${collection} ${layer.code}`}>${name}</span>
        ${layer.label.secrecy > 0
          ? html`<span class="ky-tag ky-secrecy-${layer.label.secrecy}" title=${named(layer.label)}>${named(layer.label).split(/[·,]/)[0]}</span>`
          : nothing}
        <button type="button" class="ky-tool" ?disabled=${index === 0} @click=${() => store.move(collection, -1)} aria-label=${t(`${name}：上移`, `${name}: move up`)}>${icon('arrow-up')}</button>
        <button type="button" class="ky-tool" ?disabled=${index === count - 1} @click=${() => store.move(collection, 1)} aria-label=${t(`${name}：下移`, `${name}: move down`)}>${icon('arrow-down')}</button>
        ${layer.extent
          ? html`<button type="button" class="ky-tool" @click=${() => this.#zoom(layer)} aria-label=${t(`${name}：缩放到范围`, `${name}: zoom to extent`)}>${icon('focus-2')}</button>`
          : nothing}
        <button type="button" class="ky-tool" @click=${() => store.toggle(collection, false)} aria-label=${t(`${name}：关闭`, `${name}: switch off`)}>${icon('x')}</button>
      </div>
      <label class="ky-opacity"><span>${t('不透明度', 'Opacity')}</span>
        <input type="range" class="form-range" min="0" max="100" step="5" .value=${String(Math.round(opacity * 100))} aria-label=${t(`${name}：不透明度`, `${name}: opacity`)}
          @input=${(event: Event) => store.setOpacity(collection, Number((event.target as HTMLInputElement).value) / 100)}>
        <output>${Math.round(opacity * 100)}%</output>
      </label>
      ${entries.length
        ? html`<details class="ky-legend" ?open=${open}>
            <summary>${t(`图例（图面上 ${entries.length} 类）`, `Legend (${entries.length} classes in view)`)}</summary>
            <ul>${entries.map((entry) => html`<li><i style=${`background:${entry.colour}`}></i><span class="ky-code">${entry.code}</span>${named(entry)}</li>`)}</ul>
          </details>`
        : nothing}
    </li>`;
  }

  #zoom(layer: LayerInfo): void {
    this.dispatchEvent(new CustomEvent('zoom-to', { detail: layer.extent, bubbles: true }));
  }

  // -- the catalogue ---------------------------------------------------------------------------------------

  #body(): TemplateResult {
    if (this.problem) return html`<p class="ky-hint" role="alert">${t('目录没有取到：', 'The catalogue did not arrive: ')}${this.problem}</p>`;
    if (!this.tree) return html`<p class="ky-hint" role="status">${t('正在取目录…', 'Fetching the catalogue…')}</p>`;
    const shown = this.tree.map((node) => this.#item(node, 1, this.words)).filter((part) => part !== null);
    if (shown.length) return html`<ul class="ky-tree-list">${shown}</ul>`;
    return this.words
      ? html`<p class="ky-hint">${t(`没有与“${this.words}”相符的目录项。`, `Nothing in the catalogue matches “${this.words}”.`)}
          ${this.everything ? '' : t('可勾选“含未汇交的”再找。', 'Tick “Include empty” to look further.')}</p>`
      : html`<p class="ky-hint">${t('还没有已发布的数据。汇交一个数据包并发布后，图层会出现在这里：', 'Nothing is published yet. Deliver a package and publish it, and its layers appear here: ')}
          <a href="/deliveries/">${t('去汇交', 'deliver')}</a></p>`;
  }

  #item(node: ItemNode, depth: number, words: string): TemplateResult | null {
    // everything below an item whose own name matches is shown
    const inside = matches(node, words) ? '' : words;
    const children = node.children.map((child) => this.#item(child, depth + 1, inside)).filter((part) => part !== null);
    const datasets = node.datasets.map((dataset) => this.#dataset(dataset, inside)).filter((part) => part !== null);
    if (!children.length && !datasets.length && !(this.everything && matches(node, words))) return null;
    const open = this.words !== '' || this.open.has(node.code);
    return html`<li>
      <button type="button" class="ky-tree-node depth-${depth}" aria-expanded=${open ? 'true' : 'false'} @click=${() => this.#fold(node.code)}>
        ${icon(open ? 'chevron-down' : 'chevron-right')}<span>${named(node)}</span><span class="ky-code">${node.code}</span>
      </button>
      ${open ? html`<ul>${children}${datasets}</ul>` : nothing}
    </li>`;
  }

  #dataset(dataset: DatasetNode, words: string): TemplateResult | null {
    const layers = dataset.layers.filter((layer) => this.#layers.has(layer.collection));
    if (!layers.length && !this.everything) return null;
    const whole = !words || matches(dataset, words);
    const shown = layers.filter((layer) => whole || matches({ ...layer, code: `${layer.collection} ${layer.code}` }, words));
    if (!whole && !shown.length) return null;
    if (shown.length === 1 && layers.length === 1) return this.#switch(this.#layers.get(shown[0]!.collection)!, dataset);
    return html`<li class="ky-dataset">
      <a href=${`/catalogue/${encodeURIComponent(dataset.code)}/`}>${named(dataset)}</a>
      ${shown.length
        ? html`<ul>${shown.map((layer) => this.#switch(this.#layers.get(layer.collection)!))}</ul>`
        : html`<span class="ky-tag plain">${t('未汇交', 'empty')}</span>`}
    </li>`;
  }

  #switch(layer: LayerInfo, dataset?: DatasetNode): TemplateResult {
    return html`<li><label class="ky-switch">
      <input type="checkbox" role="switch" class="form-check-input" .checked=${store.isOn(layer.collection)} @change=${() => store.toggle(layer.collection)} data-collection=${layer.collection}>
      ${swatch(layer)}<span>${named(dataset ?? layer)}</span><span class="ky-code">${layer.code}</span>
    </label></li>`;
  }

  #fold(code: string): void {
    const next = new Set(this.open);
    if (!next.delete(code)) next.add(code);
    this.open = next;
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

function matches(node: { name_zh: string; name_en?: string | null; code: string }, words: string): boolean {
  if (!words) return true;
  const text = `${node.name_zh} ${node.name_en ?? ''} ${node.code}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
}

/** Items on the way to a dataset that has something to show. */
function withData(nodes: readonly ItemNode[], layers: ReadonlyMap<string, LayerInfo>): ItemNode[] {
  return nodes.flatMap((node) => {
    const below = withData(node.children, layers);
    const own = node.datasets.some((dataset) => dataset.layers.some((layer) => layers.has(layer.collection)));
    return own || below.length ? [node, ...below] : [];
  });
}

customElements.define('ky-layers', KyLayers);
declare global {
  interface HTMLElementTagNameMap {
    'ky-layers': KyLayers;
  }
}
