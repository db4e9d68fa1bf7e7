/**
 * `<ky-chart>`: figures by class as bars or as a treemap, in the standard's colours, with the same figures as a table.
 *
 * ECharts is fetched when the first chart is shown. A person who cannot see the picture has the table; the picture is
 * one image to a screen reader.
 */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { EChartsType } from 'echarts/core';
import { barsOption, shares, treemapOption, type ChartRow } from './chart-model';
import { PageElement } from './element';
import { named, t } from './language';

export type ChartKind = 'bars' | 'treemap';

const ROW_PIXELS = 26;
const LEAST_PIXELS = 120;
const TREEMAP_PIXELS = 260;

/** A panel that renders again hands in the same figures as a new list. */
const isOther = (now: unknown, before: unknown): boolean => JSON.stringify(now) !== JSON.stringify(before);

export class KyChart extends PageElement {
  static override properties = { kind: {}, rows: { attribute: false, hasChanged: isOther }, unit: {}, label: {}, tabled: { type: Boolean }, failed: { state: true } };

  declare kind: ChartKind;
  declare rows: readonly ChartRow[];
  /** Unit of the values, as it is written behind them. */
  declare unit: string;
  /** What the chart shows, in the language of the page. */
  declare label: string;
  /** The page has a fuller table of the same figures beside the chart: none is made here. */
  declare tabled: boolean;
  declare failed: boolean;
  #chart: EChartsType | undefined;
  #resize: ResizeObserver | undefined;

  constructor() {
    super();
    this.kind = 'bars';
    this.rows = [];
    this.unit = '';
    this.label = '';
    this.tabled = false;
    this.failed = false;
  }

  override disconnectedCallback(): void {
    this.#resize?.disconnect();
    this.#chart?.dispose();
    this.#chart = undefined;
    super.disconnectedCallback();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) void this.#draw();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('rows') || changed.has('kind') || changed.has('unit')) void this.#draw();
  }

  async #draw(): Promise<void> {
    const place = this.querySelector<HTMLElement>('.ky-figure-picture');
    if (!place || !this.rows.length) return;
    try {
      const { init } = await import('./charts/echarts');
      if (!this.isConnected) return;
      if (!this.#chart) {
        const chart = (this.#chart = init(place, null, { renderer: 'svg' }));
        this.#resize = new ResizeObserver(() => chart.resize());
        this.#resize.observe(place);
      }
      const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
      const option = this.kind === 'treemap' ? treemapOption(this.rows, this.unit) : barsOption(this.rows, this.unit);
      this.#chart.setOption({ animation: !still, ...option }, { notMerge: true });
      this.#chart.resize();
    } catch {
      this.failed = true; // the table says the same
    }
  }

  get #height(): number {
    return this.kind === 'treemap' ? TREEMAP_PIXELS : Math.max(LEAST_PIXELS, this.rows.length * ROW_PIXELS + 24);
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.rows.length) return nothing;
    return html`<figure class="ky-figure">
      ${this.failed ? nothing : html`<div class="ky-figure-picture" role="img" aria-label=${t(`${this.label}，数值见下表`, `${this.label}; the table below has the figures`)} style=${`height:${this.#height}px`}></div>`}
      <figcaption>${this.label}${this.unit ? t(`（${this.unit}）`, ` (${this.unit})`) : nothing}</figcaption>
      ${this.tabled ? nothing : html`<details ?open=${this.failed}><summary>${t('数值表', 'Table of figures')}</summary>${this.#table()}</details>`}
    </figure>`;
  }

  #table(): TemplateResult {
    const percent = shares(this.rows);
    return html`<table class="ky-figures">
      <thead><tr><th scope="col">${t('编码', 'Code')}</th><th scope="col">${t('名称', 'Name')}</th><th scope="col">${this.unit}</th><th scope="col">%</th></tr></thead>
      <tbody>${this.rows.map((row, index) => html`<tr><td class="ky-code">${row.code}</td><th scope="row"><i style=${`background:${row.colour}`}></i>${named(row)}</th>
        <td>${row.value.toLocaleString('en-US', { maximumFractionDigits: 2 })}</td><td>${percent[index]!.toFixed(1)}</td></tr>`)}</tbody>
    </table>`;
  }
}

customElements.define('ky-chart', KyChart);
declare global {
  interface HTMLElementTagNameMap {
    'ky-chart': KyChart;
  }
}
