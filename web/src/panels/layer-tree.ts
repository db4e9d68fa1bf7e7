/** `<ky-layer-tree>`: the catalogue's layers, found, opened and switched on; thousands of rows, few of them drawn. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { atHand, findLayers, treeBelow, type TreeNode } from '../api';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { named, t } from '../language';
import { store, type Side, type State } from '../store';
import { TreeModel, inSight, stepOf, type Row } from '../tree-model';

type View = 'all' | 'favourites' | 'recent';

const ROW_PIXELS = 34;
const TALL_ROW_PIXELS = 48;
const OPEN_WHOLE_UP_TO = 60;
const PAUSE_MS = 180;
const NOTE_MS = 1200;
const VIEWS: readonly (readonly [View, string, string])[] = [
  ['all', '目录', 'Catalogue'],
  ['favourites', '收藏', 'Favourites'],
  ['recent', '最近', 'Recent'],
];

export class KyLayerTree extends StoreElement {
  static override properties = {
    side: {},
    view: { state: true },
    words: { state: true },
    everything: { state: true },
    found: { state: true },
    total: { state: true },
    favourites: { state: true },
    recent: { state: true },
    active: { state: true },
    top: { state: true },
    height: { state: true },
    problem: { state: true },
  };

  /** Which map the switches are for. */
  declare side: Side;
  declare view: View;
  declare words: string;
  /** Also what nobody has delivered to yet. */
  declare everything: boolean;
  /** Answer of the search; null while nothing is searched for. */
  declare found: readonly TreeNode[] | null;
  declare total: number;
  declare favourites: readonly TreeNode[];
  declare recent: readonly TreeNode[] | null;
  /** Row the keyboard is at. */
  declare active: number;
  declare top: number;
  declare height: number;
  declare problem: string;
  #tree = this.#newTree();
  #timer = 0;
  #noteTimer = 0;
  #request: AbortController | undefined;
  /** What is marked on the node already: a mark set before it has come must not take its place. */
  #marked: Promise<unknown> = Promise.resolve();
  readonly #used = new Set<string>();

  constructor() {
    super();
    this.side = 'left';
    this.view = 'all';
    this.words = '';
    this.everything = false;
    this.found = null;
    this.total = 0;
    this.favourites = [];
    this.recent = null;
    this.active = 0;
    this.top = 0;
    this.height = 600;
    this.problem = '';
  }

  #newTree(): TreeModel {
    return new TreeModel(async (parent) => (await treeBelow(parent, this.everything)).nodes, () => this.requestUpdate());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#attempt(() => this.#tree.openWhile(OPEN_WHOLE_UP_TO));
    this.#marked = this.#attempt(async () => {
      this.favourites = await atHand.favourites();
    });
  }

  protected override firstUpdated(): void {
    new ResizeObserver(() => this.#measure()).observe(this);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('view') || changed.has('found')) this.#list?.scrollTo(0, 0);
    this.#measure();
  }

  get #list(): HTMLElement | null {
    return this.querySelector('.ky-tree-list');
  }

  #measure(): void {
    const height = this.#list?.clientHeight ?? 0;
    if (height && height !== this.height) this.height = height;
  }

  async #attempt(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
      this.problem = '';
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** Layers that were switched on are remembered on the node, several at once. */
  protected override stateChanged(state: State, before: State): void {
    if (state.layers === before.layers && state.compare === before.compare) return;
    const was = new Set([...before.layers, ...(before.compare.rightLayers ?? [])].map((one) => one.collection));
    for (const { collection } of [...state.layers, ...(state.compare.rightLayers ?? [])]) {
      if (!was.has(collection)) this.#used.add(collection);
    }
    if (!this.#used.size) return;
    window.clearTimeout(this.#noteTimer);
    this.#noteTimer = window.setTimeout(() => void this.#note(), NOTE_MS);
  }

  async #note(): Promise<void> {
    const used = [...this.#used].reverse();
    this.#used.clear();
    // a layer that cannot be seen any more is no reason to bother anybody
    const recent = await atHand.noteUsed(used).catch(() => null);
    if (recent) this.recent = recent;
  }

  // -- what is listed --------------------------------------------------------------------------------------

  get #rows(): readonly Row[] {
    if (this.found) return flat(this.found);
    if (this.view === 'favourites') return flat(this.favourites);
    if (this.view === 'recent') return flat(this.recent ?? []);
    return this.#tree.rows;
  }

  #show(view: View): void {
    this.view = view;
    this.active = 0;
    this.words = '';
    this.found = null;
    if (view === 'recent' && !this.recent) {
      void this.#attempt(async () => {
        this.recent = await atHand.recent();
      });
    }
  }

  #typed(event: InputEvent): void {
    this.words = (event.target as HTMLInputElement).value;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#search(), PAUSE_MS);
  }

  async #search(): Promise<void> {
    this.#request?.abort();
    const words = this.words.trim();
    this.active = 0;
    if (!words) {
      this.found = null;
      return;
    }
    const request = (this.#request = new AbortController());
    await this.#attempt(async () => {
      const answer = await findLayers(words, request.signal).catch((error: unknown) => {
        if (request.signal.aborted) return null;
        throw error;
      });
      if (!answer) return;
      this.found = answer.nodes;
      this.total = answer.total;
    });
  }

  #showEverything(event: Event): void {
    this.everything = (event.target as HTMLInputElement).checked;
    this.#tree = this.#newTree();
    void this.#attempt(() => this.#tree.openWhile(OPEN_WHOLE_UP_TO));
  }

  // -- acting ----------------------------------------------------------------------------------------------

  #act(node: TreeNode): void {
    if (!isDrawable(node)) location.assign(pageOf(node));
    else store.toggle(node.id, undefined, this.side);
  }

  /** One after the other: each is reckoned from what the node answered to the one before. */
  #favourite(node: TreeNode): void {
    this.#marked = this.#marked.then(() => this.#attempt(async () => {
      const ids = this.favourites.map((one) => one.id);
      this.favourites = await atHand.keepFavourites(ids.includes(node.id) ? ids.filter((id) => id !== node.id) : [node.id, ...ids]);
    }));
  }

  #keys(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.#rows;
    const row = rows[this.active];
    if (event.key === '*' && row?.node.kind === 'layer') {
      event.preventDefault();
      this.#favourite(row.node);
      return;
    }
    const step = stepOf(event.key, this.active, { rows, parentOf: (index) => (this.found ? -1 : this.#tree.parentOf(index)) });
    if (!step) return;
    event.preventDefault();
    if ('to' in step) this.#goTo(step.to);
    else if ('open' in step) void this.#attempt(() => this.#tree.open(step.open));
    else if ('close' in step) this.#tree.close(step.close);
    else this.#act(step.act);
  }

  #goTo(index: number): void {
    this.active = index;
    const list = this.#list;
    if (!list) return;
    const top = index * this.#rowPixels;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + this.#rowPixels > list.scrollTop + list.clientHeight) list.scrollTop = top + this.#rowPixels - list.clientHeight;
  }

  // -- drawing ---------------------------------------------------------------------------------------------

  get #rowPixels(): number {
    return this.found || this.view !== 'all' ? TALL_ROW_PIXELS : ROW_PIXELS;
  }

  protected override render(): TemplateResult {
    return html`
      <div class="ky-tree-tools">
        <label class="ky-filter">${icon('search')}<span class="visually-hidden">${t('筛选目录', 'Filter the catalogue')}</span>
          <input type="search" .value=${this.words} @input=${this.#typed} @keydown=${this.#intoList}
            placeholder=${t('图层名称、编码', 'Name or code of a layer')} autocomplete="off" spellcheck="false">
        </label>
      </div>
      <div class="ky-views" role="group" aria-label=${t('列出', 'List')}>
        ${VIEWS.map(([view, zh, en]) => html`<button type="button" aria-pressed=${this.view === view && !this.found ? 'true' : 'false'} @click=${() => this.#show(view)}>${t(zh, en)}</button>`)}
        ${this.view === 'all' && !this.found
          ? html`<label class="ky-check"><input type="checkbox" class="form-check-input" .checked=${this.everything} @change=${this.#showEverything}>${t('含未汇交的', 'Include empty')}</label>`
          : nothing}
      </div>
      ${this.problem ? html`<p class="ky-hint" role="alert">${this.problem}</p>` : nothing}
      ${this.#body()}
    `;
  }

  /** From the search box straight down into the list. */
  #intoList(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' || !this.#list) return;
    event.preventDefault();
    this.#list.focus();
  }

  #body(): TemplateResult {
    const rows = this.#rows;
    if (!rows.length) return this.#nothing();
    const { from, to } = inSight(this.top, this.height, this.#rowPixels, rows.length);
    const active = Math.min(this.active, rows.length - 1);
    return html`
      ${this.found ? html`<p class="ky-tree-count" role="status">${this.total > this.found.length
          ? t(`共 ${this.total} 个图层，列出前 ${this.found.length} 个；再加一个词可缩小范围。`, `${this.total} layers, the first ${this.found.length} are listed; add a word to narrow down.`)
          : t(`${this.total} 个图层`, this.total === 1 ? '1 layer' : `${this.total} layers`)}</p>` : nothing}
      <div class="ky-tree-list" role="tree" tabindex="0" aria-label=${t('图层', 'Layers')} aria-busy=${String(this.#tree.isLoading)} aria-activedescendant=${`ky-row-${active}`}
        @keydown=${this.#keys} @scroll=${(event: Event) => (this.top = (event.target as HTMLElement).scrollTop)}>
        <div class="ky-tree-all" role="none" style=${`height:${rows.length * this.#rowPixels}px`}>
          ${active < from || active >= to ? this.#row(rows[active]!, active, active) : nothing}
          ${rows.slice(from, to).map((row, index) => this.#row(row, from + index, active))}
        </div>
      </div>`;
  }

  #nothing(): TemplateResult {
    if (this.found) {
      return html`<p class="ky-hint">${t(`没有与“${this.words.trim()}”相符的图层。可换成图层名、表名（如 DLTB）或目录编码。`, `No layer matches “${this.words.trim()}”. Try its name, its table (such as DLTB) or its catalogue code.`)}</p>`;
    }
    if (this.view === 'favourites') return html`<p class="ky-hint">${t('还没有收藏。在目录中点图层右边的星号，常用的图层就在这里。', 'No favourites yet. Press the star beside a layer in the catalogue to keep it here.')}</p>`;
    if (this.view === 'recent') return html`<p class="ky-hint">${t('打开过的图层会列在这里。', 'Layers you switched on are listed here.')}</p>`;
    if (!this.#tree.isLoaded) return html`<p class="ky-hint" role="status">${this.problem ? nothing : t('正在取目录…', 'Fetching the catalogue…')}</p>`;
    return html`<p class="ky-hint">${t('还没有已发布的数据。汇交一个数据包并发布后，图层会出现在这里：', 'Nothing is published yet. Deliver a package and publish it, and its layers appear here: ')}
      <a href="/deliveries/">${t('去汇交', 'deliver')}</a></p>`;
  }

  #row(row: Row, index: number, active: number): TemplateResult {
    const { node, level } = row;
    const style = `top:${index * this.#rowPixels}px;height:${this.#rowPixels}px;--level:${level - 1}`;
    const isBranch = node.kind !== 'layer';
    const on = !isBranch && store.isOn(node.id, this.side);
    return html`<div id=${`ky-row-${index}`} role="treeitem" style=${style} class=${`ky-row ${index === active ? 'is-active' : ''} ${isBranch ? 'ky-tree-node' : 'ky-switch'} level-${level}`}
      aria-level=${level} aria-posinset=${row.position} aria-setsize=${row.siblings} aria-selected=${index === active ? 'true' : 'false'}
      aria-expanded=${isBranch ? (row.isOpen ? 'true' : 'false') : nothing} aria-checked=${isBranch || !isDrawable(node) ? nothing : on ? 'true' : 'false'}
      @click=${(event: Event) => this.#clicked(event, row, index)}>
      ${isBranch ? this.#branch(row) : this.#layer(node, on)}
    </div>`;
  }

  #clicked(event: Event, row: Row, index: number): void {
    this.active = index;
    if ((event.target as Element).closest('button, input, a')) return;
    if (row.node.kind === 'layer') this.#act(row.node);
    else void this.#attempt(() => this.#tree.toggle(row.node.id));
  }

  #branch({ node, isOpen, isLoading }: Row): TemplateResult {
    return html`${icon(isOpen ? 'chevron-down' : 'chevron-right')}<span class="ky-row-name" title=${named(node)}>${named(node)}</span>
      ${isLoading ? html`<span class="ky-code">…</span>` : node.count
        ? html`<span class="ky-number">${node.count}</span>`
        : html`<span class="ky-tag plain">${t('未汇交', 'empty')}</span>`}`;
  }

  #layer(node: TreeNode, on: boolean): TemplateResult {
    const name = named(node);
    const path = named({ name_zh: node.path_zh, name_en: node.path_en });
    const isFavourite = this.favourites.some((one) => one.id === node.id);
    return html`
      ${isDrawable(node)
        ? html`<input type="checkbox" role="switch" class="form-check-input" tabindex="-1" aria-label=${name} data-collection=${node.id} .checked=${on}
            @change=${() => store.toggle(node.id, undefined, this.side)}>`
        : html`<a class="ky-tag plain" tabindex="-1" href=${pageOf(node)}>${t('属性表', 'table')}</a>`}
      <i class="ky-shape ${node.geometry.toLowerCase()}" aria-hidden="true"></i>
      <span class="ky-row-name" title=${`${name} ${node.id} ${path}`}>${name}${path ? html`<small>${path}</small>` : nothing}</span>
      <span class="ky-code">${node.code}</span>
      <button type="button" class="ky-tool ky-star ${isFavourite ? 'is-on' : ''}" tabindex="-1" aria-pressed=${isFavourite ? 'true' : 'false'}
        aria-label=${isFavourite ? t(`${name}：取消收藏`, `${name}: remove from favourites`) : t(`${name}：收藏`, `${name}: add to favourites`)}
        @click=${() => this.#favourite(node)}>${icon('star')}</button>`;
  }
}

function isDrawable(node: TreeNode): boolean {
  return ['Polygon', 'LineString', 'Point', 'Raster'].includes(node.geometry);
}

function pageOf(node: TreeNode): string {
  return `/catalogue/${encodeURIComponent(node.id.split('.')[0]!)}/`;
}

function flat(nodes: readonly TreeNode[]): Row[] {
  return nodes.map((node, index) => ({ node, level: 1, isOpen: false, isLoading: false, position: index + 1, siblings: nodes.length }));
}

customElements.define('ky-layer-tree', KyLayerTree);
declare global {
  interface HTMLElementTagNameMap {
    'ky-layer-tree': KyLayerTree;
  }
}
