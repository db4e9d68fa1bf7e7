/** `<ky-measure>`: lengths and areas on the CGCS2000 ellipsoid, drawn or typed. */
import { html, nothing, type TemplateResult } from 'lit';
import { PageElement } from '../element';
import { lonLat } from '../format';
import { icon } from '../icons';
import { t } from '../language';
import type { KyMap } from '../map/map-view';
import { legs, lengthOf, polygonArea } from './ellipsoid';
import { areaFigures, lengthText } from './figures';
import { readPoint } from './plane';
import type { MapPlace, ToolPanel } from './registry';
import { canFinish, least, type SketchKind } from './sketch';
import { SketchControl } from './sketch-control';

export class KyMeasure extends PageElement implements ToolPanel {
  static override properties = { kind: { state: true }, typed: { state: true }, problem: { state: true } };

  declare kind: SketchKind;
  declare typed: string;
  declare problem: string;
  map: KyMap | undefined;
  #control = this.#newControl('line');

  constructor() {
    super();
    this.kind = 'line';
    this.typed = '';
    this.problem = '';
  }

  #newControl(kind: SketchKind): SketchControl {
    return new SketchControl({ id: 'measure', kind, legs: true, changed: () => this.requestUpdate() });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#control.attach(this.map);
  }

  override disconnectedCallback(): void {
    this.#control.detach();
    super.disconnectedCallback();
  }

  get cursor(): string {
    return 'crosshair';
  }

  mapClick(place: MapPlace): boolean {
    // a finished figure stays to be read; the next click begins another
    if (this.#control.sketch.finished) {
      if (this.#control.isAgain(place)) return true;
      this.#control.restart();
      this.#control.add([place.lon, place.lat]);
      return true;
    }
    return this.#control.mapClick(place);
  }

  mapDoubleClick(): boolean {
    return this.#control.mapDoubleClick();
  }

  mapMove(place: MapPlace | null): void {
    this.#control.mapMove(place);
  }

  mapKey(event: KeyboardEvent, place: MapPlace): boolean {
    if (this.#control.sketch.finished && (event.key === ' ' || event.key === 'Enter')) this.#control.restart();
    return this.#control.mapKey(event, place);
  }

  #choose(kind: SketchKind): void {
    this.kind = kind;
    this.#control.restart(kind);
  }

  #addTyped(event: Event): void {
    event.preventDefault();
    const point = readPoint(this.typed);
    if (!point) {
      this.problem = t(
        `“${this.typed}”不是坐标。可输入经度,纬度（113.02, 34.51），或带带号的高斯-克吕格坐标（X 3819578.88, Y 38408158.33）。`,
        `“${this.typed}” is no coordinate. Type longitude, latitude (113.02, 34.51) or Gauss–Krüger with its zone (3819578.88, 38408158.33).`,
      );
      return;
    }
    this.problem = '';
    this.typed = '';
    if (this.#control.sketch.finished) this.#control.restart();
    this.#control.add([point.lon, point.lat]);
    this.map?.map?.panTo([point.lon, point.lat]);
  }

  protected override render(): TemplateResult {
    const { sketch } = this.#control;
    const points = sketch.rings[0] ?? [];
    const kinds: readonly [SketchKind, string][] = [['line', t('距离', 'Distance')], ['area', t('面积', 'Area')]];
    return html`<div class="kt-body">
      <div class="kt-segments" role="group" aria-label=${t('量什么', 'What to measure')}>
        ${kinds.map(([kind, label]) => html`<button type="button" aria-pressed=${this.kind === kind ? 'true' : 'false'} @click=${() => this.#choose(kind)}>${label}</button>`)}
      </div>
      <div class="kt-figures" aria-live="polite">${this.#figures()}</div>
      <div class="kt-row">
        <button type="button" class="btn btn-sm" ?disabled=${!points.length} @click=${() => this.#control.undo()}>${icon('arrow-back-up')}${t('撤回一点', 'Undo point')}</button>
        <button type="button" class="btn btn-sm" ?disabled=${!canFinish(sketch)} @click=${() => this.#control.finish()}>${icon('check')}${t('完成', 'Finish')}</button>
        <button type="button" class="btn btn-sm" ?disabled=${!points.length} @click=${() => this.#control.restart()}>${icon('trash')}${t('清除', 'Clear')}</button>
      </div>
      <form class="kt-line" @submit=${this.#addTyped}>
        <label for="kt-measure-point">${t('输入坐标加点', 'Add a point by coordinates')}</label>
        <div><input id="kt-measure-point" class="form-control form-control-sm" autocomplete="off" spellcheck="false" .value=${this.typed}
          placeholder=${t('113.02, 34.51 或 3819578.88, 38408158.33', '113.02, 34.51 or 3819578.88, 38408158.33')}
          aria-describedby=${this.problem ? 'kt-measure-problem' : nothing} aria-invalid=${this.problem ? 'true' : 'false'}
          @input=${(event: InputEvent) => (this.typed = (event.target as HTMLInputElement).value)}>
        <button type="submit" class="btn btn-sm" ?disabled=${!this.typed.trim()}>${t('加点', 'Add')}</button></div>
      </form>
      ${this.problem ? html`<p id="kt-measure-problem" class="kt-problem" role="alert">${this.problem}</p>` : nothing}
      ${points.length ? this.#points() : html`<p class="ky-hint">${t(
        '在地图上逐点单击，双击或回车完成，退格撤回。不用鼠标：Tab 到地图，方向键移动，空格加点，回车完成。',
        'Click point after point on the map; double click or Enter finishes, Backspace takes back. Without a mouse: Tab to the map, move with the arrows, space adds a point, Enter finishes.',
      )}</p>`}
      <p class="kt-basis">${t('CGCS2000 椭球：距离为大地线；面积按 TD/T 1055—2019 图斑椭球面积公式。', 'CGCS2000 ellipsoid: geodesic distance; area by the formula of TD/T 1055-2019.')}</p>
    </div>`;
  }

  #figures(): TemplateResult {
    const { sketch } = this.#control;
    const points = sketch.rings[0] ?? [];
    if (sketch.kind === 'line') {
      return html`<dl><div><dt>${t('长度', 'Length')}</dt><dd data-figure="length">${lengthText(lengthOf(points))}</dd></div>
        <div><dt>${t('点数', 'Points')}</dt><dd>${points.length}</dd></div></dl>`;
    }
    const m2 = points.length < least('area') ? 0 : polygonArea([points]);
    const figures = areaFigures(m2);
    const around = points.length < 2 ? 0 : lengthOf([...points, points[0]!]);
    return html`<dl>
      <div><dt>${t('面积', 'Area')}</dt><dd data-figure="m2">${figures.m2} m²</dd></div>
      <div><dt>${t('公顷', 'Hectares')}</dt><dd data-figure="ha">${figures.hectares} ${t('公顷', 'ha')}</dd></div>
      <div><dt>${t('亩', 'Mu')}</dt><dd data-figure="mu">${figures.mu} ${t('亩', 'mu')}</dd></div>
      <div><dt>${t('周长', 'Perimeter')}</dt><dd data-figure="perimeter">${lengthText(around)}</dd></div>
    </dl>`;
  }

  #points(): TemplateResult {
    const points = this.#control.sketch.rings[0] ?? [];
    const steps = legs(points);
    return html`<div class="kt-scroll" tabindex="0" role="region" aria-label=${t('各点', 'Points')}><table class="kt-table">
      <thead><tr><th scope="col">${t('点', 'Point')}</th><th scope="col">${t('位置', 'Place')}</th><th scope="col" class="num">${t('距上一点', 'From the one before')}</th></tr></thead>
      <tbody>${points.map(([lon = 0, lat = 0], index) => html`<tr><td>${index + 1}</td><td>${lonLat(lon, lat)}</td><td class="num">${index ? lengthText(steps[index - 1]!) : '—'}</td></tr>`)}</tbody>
    </table></div>`;
  }
}

customElements.define('ky-measure', KyMeasure);
