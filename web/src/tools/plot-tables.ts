/** The three answers about a plot as people read them: land classes, overlaps, history. */
import '../chart';
import { html, nothing, type TemplateResult } from 'lit';
import { thousands } from '../format';
import { icon } from '../icons';
import { named, t } from '../language';
import type { ClassArea, History, HistoryChange, Overlap, OverlapLayer, OverlapPiece, VersionFacts } from './api';
import { areaFigures, fixed, shareText } from './figures';
import { ranked, sharesOf, stepsOf, summaryOf, verdictOf, verdictText } from './plot-result';

export interface TableTools {
  readonly nameOf: (collection: string) => string;
  readonly colourOf: (code: string) => string;
  readonly englishOf: (code: string) => string;
  /** Shows one overlap on the map. */
  readonly show: (layer: OverlapLayer, piece: OverlapPiece) => void;
  /** Shows all overlaps of a layer. */
  readonly showAll: (layer: OverlapLayer) => void;
  readonly chosen: string;
}

/** More classes than this are drawn as a treemap. */
const MOST_BARS = 10;
/** Square metres that read as 0.01. */
const LEAST_SHOWN_M2 = 0.005;

const reasonOf = (one: { reason_zh: string | null; reason_en: string | null }): string => named({ name_zh: one.reason_zh ?? '', name_en: one.reason_en ?? '' });
const amber = (text: string): TemplateResult => html`<p class="kt-unchecked">${icon('alert-triangle')}<span>${text}</span></p>`;

// -- land classes ------------------------------------------------------------------------------------------

export function classTable(answer: Overlap, areaM2: number, tools: TableTools): TemplateResult {
  const layer = answer.layers[0];
  if (!layer) return amber(t('没有地类图层可以统计。', 'There is no layer of land classes.'));
  const rows = sharesOf(layer.classes, areaM2);
  const rest = layer.reason_zh ? (layer.unclassified_m2 ?? 0) : 0;
  const cut = layer.reason_zh ? 0 : areaM2 - layer.classes.reduce((sum, one) => sum + one.area_m2, 0);
  return html`
    ${layer.state === 'not_checked' || layer.reason_zh ? amber(reasonOf(layer)) : nothing}
    ${rows.length ? html`${chart(rows, tools)}
      <div class="kt-scroll" tabindex="0" role="region" aria-label=${t('地类面积表', 'Areas by land class')}><table class="kt-table" data-table="classes">
        <thead><tr><th scope="col">${t('地类', 'Class')}</th><th scope="col" class="num">m²</th><th scope="col" class="num">${t('公顷', 'ha')}</th><th scope="col" class="num">${t('亩', 'mu')}</th><th scope="col" class="num">${t('占比', 'Share')}</th></tr></thead>
        <tbody>${rows.map((one) => {
          const figures = areaFigures(one.area_m2);
          return html`<tr data-code=${one.code}><th scope="row"><i class="kt-key" style=${`background:${tools.colourOf(one.code)}`}></i>${named({ name_zh: one.name_zh, name_en: tools.englishOf(one.code) })}<span class="ky-code">${one.code}</span></th>
            <td class="num" data-m2=${one.area_m2}>${figures.m2}</td><td class="num">${figures.hectares}</td><td class="num">${figures.mu}</td><td class="num">${shareText(one.part)}</td></tr>`;
        })}
        ${rest >= 0.005 ? html`<tr class="kt-rest"><th scope="row">${t('无地类数据', 'No class known')}</th><td class="num">${areaFigures(rest).m2}</td><td class="num">${areaFigures(rest).hectares}</td><td class="num">${areaFigures(rest).mu}</td><td class="num">${shareText(areaM2 ? rest / areaM2 : 0)}</td></tr>` : nothing}
        ${Math.abs(cut) >= LEAST_SHOWN_M2 ? html`<tr class="kt-rest" data-cut=${cut}><th scope="row">${t('裁切差', 'Cutting difference')}</th><td class="num">${fixed(cut, 2)}</td><td class="num">${fixed(cut / 10_000, 4)}</td><td class="num">${fixed(cut * 15 / 10_000, 3)}</td><td class="num">–</td></tr>` : nothing}</tbody>
        <tfoot>${totalRow(areaM2)}</tfoot>
      </table></div>
      ${Math.abs(cut) >= LEAST_SHOWN_M2 ? html`<p class="ky-hint">${t('裁切差：地块与各图斑相交处增加了顶点，按顶点逐段计算的椭球面积随之略有不同；不是漏掉的地。', 'Cutting difference: corners are added where the plot crosses a parcel, and the ellipsoidal area, reckoned from corner to corner, answers to them; no ground is missing.')}</p>` : nothing}` : nothing}
    ${versionsLine(layer.versions)}`;
}

function totalRow(areaM2: number): TemplateResult {
  const all = areaFigures(areaM2);
  return html`<tr><th scope="row">${t('合计', 'Total')}</th><td class="num">${all.m2}</td><td class="num">${all.hectares}</td><td class="num">${all.mu}</td><td class="num">100 %</td></tr>`;
}

/** The classes by area, largest on top; many classes as a treemap, which stays one glance high. */
function chart(rows: readonly ClassArea[], tools: TableTools): TemplateResult {
  const shown = rows.map((one) => ({ code: one.code, name_zh: one.name_zh, name_en: tools.englishOf(one.code), value: one.area_m2 / 10_000, colour: tools.colourOf(one.code) }));
  return html`<ky-chart tabled .kind=${rows.length > MOST_BARS ? 'treemap' : 'bars'} .rows=${shown} .unit=${t('公顷', 'ha')} .label=${t('各地类面积', 'Area by land class')}></ky-chart>`;
}

function versionsLine(versions: readonly VersionFacts[]): TemplateResult | typeof nothing {
  if (!versions.length) return nothing;
  return html`<p class="kt-versions">${t('数据版本：', 'Versions: ')}${versions.map((one, index) => html`${index ? t('、', ', ') : nothing}${one.county} ${t(`第 ${one.number} 版（${one.valid_from}）`, `version ${one.number} (${one.valid_from})`)}`)}</p>`;
}

// -- overlaps ----------------------------------------------------------------------------------------------

export function overlapList(answer: Overlap, tools: TableTools): TemplateResult {
  const summary = summaryOf(answer.layers);
  return html`<p class="kt-verdict is-${summary.verdict}" data-verdict=${summary.verdict}>${icon(summary.verdict === 'clear' ? 'check' : 'alert-triangle')}<strong>${summary.text}</strong></p>
    <ul class="kt-layers">${ranked(answer.layers).map((layer) => overlapLayer(layer, tools))}</ul>`;
}

function overlapLayer(layer: OverlapLayer, tools: TableTools): TemplateResult {
  const verdict = verdictOf(layer);
  const found = layer.state === 'conflict' && layer.area_m2 !== null;
  const figures = found ? areaFigures(layer.area_m2!) : null;
  return html`<li class="is-${verdict}" data-collection=${layer.collection} data-verdict=${verdict}>
    <div class="kt-layer-head"><span class="kt-tag is-${verdict}">${verdictText(verdict)}</span><strong>${tools.nameOf(layer.collection)}</strong>
      ${figures ? html`<button type="button" class="ky-tool" aria-label=${t(`${tools.nameOf(layer.collection)}：在地图上显示重叠`, `${tools.nameOf(layer.collection)}: show the overlap on the map`)} @click=${() => tools.showAll(layer)}>${icon('focus-2')}</button>` : nothing}</div>
    ${figures ? html`<p class="kt-amount"><b data-m2=${layer.area_m2}>${figures.m2} m²</b> · ${figures.hectares} ${t('公顷', 'ha')} · ${figures.mu} ${t('亩', 'mu')} · ${t(`${thousands(layer.count ?? 0)}\u00a0处`, `${thousands(layer.count ?? 0)}\u00a0${layer.count === 1 ? 'place' : 'places'}`)}</p>` : nothing}
    ${layer.reason_zh ? amber(reasonOf(layer)) : nothing}
    ${layer.overlaps.length ? pieces(layer, tools) : nothing}
    ${versionsLine(layer.versions)}
  </li>`;
}

function pieces(layer: OverlapLayer, tools: TableTools): TemplateResult {
  return html`<details class="kt-pieces" ?open=${layer.overlaps.length <= 3}><summary>${t(`逐处 ${layer.overlaps.length}${layer.truncated ? ` / ${layer.count}` : ''}`, `Place by place: ${layer.overlaps.length}${layer.truncated ? ` of ${layer.count}` : ''}`)}</summary>
    <ul>${layer.overlaps.map((piece) => html`<li><button type="button" aria-pressed=${tools.chosen === `${layer.collection}|${piece.id}` ? 'true' : 'false'} @click=${() => tools.show(layer, piece)}>
      <span>${piece.id}</span><span class="num">${fixed(piece.area_m2, 2)} m²</span><small>${t(`占该记录 ${shareText(piece.share)}`, `${shareText(piece.share)} of the record`)}</small></button></li>`)}</ul></details>`;
}

// -- history -----------------------------------------------------------------------------------------------

export function historyList(answer: History, tools: TableTools): TemplateResult {
  return html`${answer.layers.map((layer) => html`
    ${layer.reason_zh ? amber(reasonOf(layer)) : nothing}
    ${layer.state === 'nothing_found' ? html`<p class="ky-hint">${t('此处没有记录过任何状态。', 'Nothing was ever recorded here.')}</p>` : nothing}
    ${layer.changes.length ? html`<ol class="kt-times">${[...layer.changes].reverse().map((change) => changeItem(change, tools))}</ol>` : nothing}`)}`;
}

function changeItem(change: HistoryChange, tools: TableTools): TemplateResult {
  const steps = change.changed ? stepsOf(change) : [];
  const isFirst = !change.before.length && change.after.length > 0;
  const total = change.after.reduce((sum, one) => sum + one.area_m2, 0);
  return html`<li class=${change.changed ? 'is-change' : ''}>
    <p><strong>${change.valid_from}</strong> ${t(`${change.county} 第 ${change.number} 版`, `${change.county} version ${change.number}`)}
      ${change.delivery ? html`<a href=${`/deliveries/${change.delivery}`}>${t(`汇交 ${change.delivery}`, `delivery ${change.delivery}`)}</a>` : nothing}</p>
    ${isFirst
      ? html`<p class="kt-step-line">${t(`首次入库，${change.after.length} 类，${fixed(total, 2)} m²`, `First recorded: ${change.after.length} classes, ${fixed(total, 2)} m²`)}</p>`
      : steps.length
        ? html`<ul>${steps.slice(0, 8).map((step) => html`<li class="kt-step-line"><i class="kt-key" style=${`background:${tools.colourOf(step.code)}`}></i>${named({ name_zh: step.name_zh, name_en: tools.englishOf(step.code) })}
            <span class="num">${fixed(step.before, 2)} → ${fixed(step.after, 2)} m²</span></li>`)}</ul>`
        : html`<p class="kt-step-line">${t('此处没有变化', 'No change here')}</p>`}
  </li>`;
}
