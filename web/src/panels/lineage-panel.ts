/** `<ky-lineage>`: where a feature or a layer comes from: a graph to walk through, and the same in words. */
import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { instant } from '../format';
import { icon } from '../icons';
import { named, t } from '../language';
import { store, type State } from '../store';
import { lineage, type Lineage, type LineageNode } from '../tools/api';
import { layerChoice } from '../tools/layer-choice';
import { edgePath, layout, neighbour, type Layout } from '../tools/lineage-layout';
import type { ToolPanel } from '../tools/registry';
import { onSubject, setSubject, subject, subjectLayer } from '../tools/subject';

const METRICS = { nodeWidth: 190, nodeHeight: 54, gapX: 56, gapY: 16 };
const MARGIN = 8;
/** Characters of a title that fit into a node; wide ones count double. */
const TITLE_WIDTH = 24;

/** What the kinds of nodes are called; a kind that is not known yet keeps its own name. */
function kindName(kind: string): string {
  const names: Readonly<Record<string, readonly [string, string]>> = {
    feature: ['要素', 'feature'], record: ['记录', 'record'], version: ['版本', 'version'], delivery: ['汇交', 'delivery'], file: ['文件', 'file'], check: ['质检', 'check'],
    mapping: ['字段映射', 'mapping'], rules: ['规则', 'rules'], standard: ['标准', 'standard'], dataset: ['数据集', 'dataset'], layer: ['图层', 'layer'], figure: ['数字', 'figure'],
    person: ['人员', 'person'], analysis: ['分析', 'analysis'], derived: ['衍生', 'derived'], exception: ['例外', 'exception'], approval: ['审批', 'approval'], result: ['分析结果', 'result'], export: ['导出', 'export'], tiles: ['瓦片', 'tiles'], pyramid: ['金字塔', 'pyramid'],
    composition: ['专题图', 'thematic map'],
  };
  const name = names[kind];
  return name ? t(...name) : kind;
}

/** Words for what details say, where they have a common name. */
function detailName(key: string): string {
  const names: Readonly<Record<string, readonly [string, string]>> = {
    actor: ['经办', 'by'], who: ['经办', 'by'], by: ['经办', 'by'], at: ['时间', 'at'], when: ['时间', 'at'], number: ['版本号', 'version'], county: ['区划', 'division'], status: ['状态', 'status'],
    valid_from: ['数据日期', 'valid from'], known_from: ['入库时间', 'known from'], sm3: ['SM3 摘要', 'SM3'], digest: ['摘要', 'digest'], records: ['记录数', 'records'], record_count: ['记录数', 'records'],
    rules: ['规则', 'rules'], edition: ['版次', 'edition'], name: ['名称', 'name'], summary: ['小结', 'summary'], area_m2: ['面积 m²', 'area m²'], size: ['字节', 'bytes'], collection: ['图层', 'layer'], reason: ['原因', 'reason'],
    delivered_by: ['汇交人', 'delivered by'], received_at: ['收到', 'received'], published_at: ['发布', 'published'], published_by: ['发布人', 'published by'], standard: ['标准', 'standard'], standard_id: ['标准', 'standard'], feature: ['标识', 'feature'], sender: ['汇交人', 'sender'], file_name: ['文件', 'file'], findings: ['问题', 'findings'], valid: ['有效期', 'valid'], known: ['所知期', 'known'], key: ['标识', 'key'], is_incremental: ['增量', 'incremental'],
    file: ['文件', 'file'], division: ['区划', 'division'], mapping: ['字段映射', 'mapping'], created_by: ['汇交人', 'delivered by'], created_at: ['收到', 'received'], input_sm3: ['文件 SM3', 'SM3 of the file'], incremental: ['增量', 'incremental'],
    software: ['软件', 'software'], rules_run: ['已查规则', 'rules run'], rules_not_run: ['未查规则', 'rules not run'], standard_digest: ['标准摘要', 'digest of the standard'], report_sm3: ['报告 SM3', 'SM3 of the report'], reference: ['参照数据', 'reference data'],
    made_by: ['制作人', 'made by'], made_at: ['完成', 'made'], asked_at: ['提交', 'asked for'], format: ['格式', 'format'], kind: ['类别', 'kind'], valid_at: ['数据日期', 'valid at'], known_at: ['所知时点', 'as known at'], geometry_area_m2: ['范围面积 m²', 'area of the shape m²'], slug: ['代号', 'short name'],
  };
  const name = names[key];
  return name ? t(...name) : key;
}

export class KyLineage extends StoreElement implements ToolPanel {
  static override properties = {
    collection: { state: true }, layers: { state: true }, graph: { state: true }, chosen: { state: true }, busy: { state: true }, problem: { state: true }, asText: { state: true },
  };

  declare collection: string | null;
  declare layers: readonly LayerInfo[];
  declare graph: Lineage | null;
  declare chosen: string;
  declare busy: boolean;
  declare problem: string;
  declare asText: boolean;
  #layout: Layout | undefined;
  #request: AbortController | undefined;
  #stop: (() => void) | undefined;
  #asked = '';

  constructor() {
    super();
    this.collection = null;
    this.layers = [];
    this.graph = null;
    this.chosen = '';
    this.busy = false;
    this.problem = '';
    this.asText = matchMedia('(max-width: 767px)').matches;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = onSubject(() => void this.#open());
    void this.#open();
  }

  override disconnectedCallback(): void {
    this.#stop?.();
    this.#request?.abort();
    super.disconnectedCallback();
  }

  protected override stateChanged(state: State, before: State): void {
    if (state.layers !== before.layers || state.knownAt !== before.knownAt || state.selection !== before.selection) void this.#open();
  }

  /** The feature that was asked about: the one of the subject, else the one chosen on the map. */
  get #feature(): { id: string; title: string } | null {
    const asked = subject();
    if (asked?.collection === this.collection && asked.feature) return { id: asked.feature, title: asked.title || asked.feature };
    const { selection } = store.state;
    return selection?.collection === this.collection && !asked ? { id: String(selection.fid), title: String(selection.fid) } : null;
  }

  async #open(): Promise<void> {
    const found = await Promise.all(store.state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    this.layers = found.filter((layer) => layer !== null);
    this.collection = subjectLayer();
    const asked = `${this.collection}|${this.#feature?.id ?? ''}|${store.state.knownAt}`;
    if (!this.collection || asked === this.#asked) return;
    this.#asked = asked;
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.busy = true;
    this.problem = '';
    try {
      const graph = await lineage(this.collection, this.#feature?.id ?? null, store.state.knownAt, request.signal);
      this.#layout = layout(graph.nodes.map((node) => node.id), graph.edges, METRICS);
      this.graph = graph;
      this.chosen = sinkOf(graph);
      void this.updateComplete.then(() => this.querySelector('.kt-step.is-on')?.scrollIntoView({ block: 'center', inline: 'center' }));
    } catch (error) {
      if (request.signal.aborted) return;
      this.graph = null;
      this.#asked = '';
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      if (this.#request === request) this.busy = false;
    }
  }

  protected override render(): TemplateResult {
    if (!this.collection) return html`<p class="ky-hint kt-pad">${t('打开一个图层，或在地图上点一个要素，就能看它从哪里来。', 'Switch a layer on, or click a feature, to see where it comes from.')}</p>`;
    const feature = this.#feature;
    return html`<div class="kt-tablebar">
        ${layerChoice(this.layers, this.collection, 'kt-lineage-layer', (collection) => setSubject({ collection, feature: null, title: '' }))}
        ${feature ? html`<span class="kt-chip">${t('要素', 'Feature')} <strong>${feature.title}</strong><button type="button" class="ky-tool" aria-label=${t('看整个图层的来源', 'Show the whole layer')} @click=${() => setSubject({ collection: this.collection!, feature: null, title: '' })}>${icon('x')}</button></span>` : nothing}
        <div class="kt-segments" role="group" aria-label=${t('怎样显示', 'How to show it')}>
          <button type="button" aria-pressed=${this.asText ? 'false' : 'true'} @click=${() => (this.asText = false)}>${t('图', 'Graph')}</button>
          <button type="button" aria-pressed=${this.asText ? 'true' : 'false'} @click=${() => (this.asText = true)}>${t('文字', 'Text')}</button></div>
      </div>
      ${this.busy ? html`<div class="ky-busy" role="status"><span class="visually-hidden">${t('正在查来源', 'Looking')}</span></div>` : nothing}
      ${this.problem ? html`<p class="kt-problem kt-pad" role="alert">${this.problem}</p>` : nothing}
      ${this.graph ? this.#shown(this.graph) : nothing}`;
  }

  #shown(graph: Lineage): TemplateResult {
    if (!graph.nodes.length) return html`<p class="ky-hint kt-pad">${t('没有记录它的来源。', 'Nothing is recorded about where it comes from.')}</p>`;
    const chosen = graph.nodes.find((node) => node.id === this.chosen);
    return html`<div class="kt-lineage">
      ${this.asText ? this.#text(graph) : this.#graph(graph)}
      <section class="kt-node" aria-live="polite" aria-label=${t('所选一步', 'The chosen step')}>${chosen ? this.#details(chosen) : nothing}</section>
    </div>`;
  }

  // -- the graph -------------------------------------------------------------------------------------------

  #graph(graph: Lineage): TemplateResult {
    const drawn = this.#layout!;
    const [width, height] = [drawn.width + 2 * MARGIN, drawn.height + 2 * MARGIN];
    return html`<div class="kt-graph" @keydown=${this.#keys}><svg width=${width} height=${height} viewBox=${`${-MARGIN} ${-MARGIN} ${width} ${height}`} role="group"
      aria-label=${t(`来源图，${graph.nodes.length} 步；左右键沿来源走，上下键在同列走`, `Lineage of ${graph.nodes.length} steps; left and right follow the sources, up and down move in a column`)}>
      <defs><marker id="kt-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"></path></marker></defs>
      ${graph.edges.map((edge) => {
        const [from, to] = [drawn.nodes.get(edge.from), drawn.nodes.get(edge.to)];
        return from && to ? svg`<path class=${`kt-edge ${edge.from === this.chosen || edge.to === this.chosen ? 'is-on' : ''}`} d=${edgePath(from, to, METRICS)} marker-end="url(#kt-arrow)"><title>${edge.kind}</title></path>` : nothing;
      })}
      ${graph.nodes.map((node) => this.#node(node, drawn))}
    </svg></div>`;
  }

  #node(node: LineageNode, drawn: Layout): SVGTemplateResult {
    const { x, y } = drawn.nodes.get(node.id)!;
    const isOn = node.id === this.chosen;
    return svg`<g class=${`kt-step kind-${node.kind} ${isOn ? 'is-on' : ''}`} transform=${`translate(${x} ${y})`} role="button" tabindex=${isOn ? 0 : -1} aria-pressed=${isOn ? 'true' : 'false'}
      data-node=${node.id} data-kind=${node.kind} aria-label=${`${kindName(node.kind)} ${titleOf(node)}`} @click=${() => (this.chosen = node.id)}>
      <rect width=${METRICS.nodeWidth} height=${METRICS.nodeHeight} rx="5"></rect><rect class="mark" width="5" height=${METRICS.nodeHeight} rx="2"></rect>
      <text x="14" y="20" class="kind">${kindName(node.kind)}</text><text x="14" y="41">${shortened(titleOf(node))}</text></g>`;
  }

  #keys(event: KeyboardEvent): void {
    if (!this.graph || !this.#layout) return;
    if (event.key === 'Enter' || event.key === ' ') {
      this.querySelector<HTMLElement>('.kt-node a')?.focus();
      event.preventDefault();
      return;
    }
    const next = neighbour(event.key, this.chosen, this.#layout, this.graph.edges);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.chosen = next;
    void this.updateComplete.then(() => {
      const step = this.querySelector<SVGGElement>(`[data-node="${CSS.escape(next)}"]`);
      step?.focus();
      step?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    });
  }

  // -- the same in words -----------------------------------------------------------------------------------

  /** From the thing asked about back to its beginnings, as nested sentences would be, but in one list. */
  #text(graph: Lineage): TemplateResult {
    const order = [...graph.nodes].sort((a, b) => this.#layout!.nodes.get(b.id)!.layer - this.#layout!.nodes.get(a.id)!.layer);
    const nameOf = new Map(graph.nodes.map((node) => [node.id, `${kindName(node.kind)} ${titleOf(node)}`]));
    return html`<ol class="kt-steps" tabindex="0" aria-label=${t('来源，从结果到源头', 'Lineage, from the result to its beginnings')}>${order.map((node) => {
      const sources = graph.edges.filter((edge) => edge.to === node.id && nameOf.has(edge.from)).map((edge) => nameOf.get(edge.from)!);
      return html`<li><button type="button" class="ky-link" aria-pressed=${node.id === this.chosen ? 'true' : 'false'} @click=${() => (this.chosen = node.id)}><span class="kt-kind">${kindName(node.kind)}</span> ${titleOf(node)}</button>
        ${sources.length ? html`<small>${t('来自：', 'from: ')}${sources.join(t('；', '; '))}</small>` : nothing}</li>`;
    })}</ol>`;
  }

  #details(node: LineageNode): TemplateResult {
    const details = Object.entries(node.detail).filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && !value.length));
    return html`<h3><span class="kt-kind">${kindName(node.kind)}</span> ${titleOf(node)}</h3>
      <dl class="ky-fields">${details.map(([key, value]) => html`<div><dt>${detailName(key)}</dt><dd>${valueText(value)}</dd></div>`)}</dl>
      ${node.href ? html`<a class="btn btn-sm" href=${node.href}>${icon('file-text')}${t(`打开${kindName(node.kind)}`, `Open ${kindName(node.kind)}`)}</a>` : nothing}`;
  }
}

const titleOf = (node: LineageNode): string => named({ name_zh: node.title_zh, name_en: node.title_en }) || node.id;

/** Values that records keep as words of their own. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  operator: ['节点操作员', 'node operator'], received: ['已接收', 'received'], mapped: ['已映射', 'mapped'], checked: ['已检查', 'checked'], accepted: ['已通过', 'accepted'],
  published: ['已发布', 'published'], returned: ['已退回', 'returned'], rejected: ['已拒绝', 'rejected'], failed: ['失败', 'failed'],
};

function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? t('是', 'yes') : t('否', 'no');
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? instant(value) : (VALUES[value] ? t(...VALUES[value]) : value);
  if (Array.isArray(value)) return value.map(valueText).join(t('、', ', '));
  if (value && typeof value === 'object') return Object.entries(value).map(([key, one]) => `${detailName(key)} ${valueText(one)}`).join(t('；', '; '));
  return String(value);
}

/** The node nothing was made of: what was asked about. */
function sinkOf(graph: Lineage): string {
  const sources = new Set(graph.edges.map((edge) => edge.from));
  return (graph.nodes.find((node) => node.kind === 'feature') ?? graph.nodes.find((node) => !sources.has(node.id)) ?? graph.nodes[0])?.id ?? '';
}

function shortened(text: string): string {
  let width = 0;
  for (let index = 0; index < text.length; index++) {
    width += text.charCodeAt(index) > 0x2e80 ? 2 : 1;
    if (width > TITLE_WIDTH) return `${text.slice(0, index)}…`;
  }
  return text;
}

customElements.define('ky-lineage', KyLineage);
