/** `<ky-compose-link>`: takes what the map shows to the page where thematic maps are made. */
import { html, type TemplateResult } from 'lit';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { t } from '../language';
import { store, toFragment } from '../store';

export class KyComposeLink extends StoreElement {
  protected override render(): TemplateResult {
    const { layers, validAt } = store.state;
    return html`<div class="kt-body">
      <p class="ky-hint">${t(
        `把当前视图（${layers.length} 个图层、${validAt || '今天'}、范围与筛选）带到制图页：分类、样式、图例、图名、比例尺、指北针、审图号，打印为 A4–A0 的 PDF。`,
        `Takes this view (${layers.length} layers, ${validAt || 'today'}, extent and filters) to the page of thematic maps: classes, style, legend, title, scale, north arrow, approval number; PDF from A4 to A0.`,
      )}</p>
      <a class="btn btn-primary btn-sm" href=${`/map/compose#${toFragment({ ...store.state, tool: null })}`}>${icon('map')}${t('去制专题图', 'Make a thematic map')}</a>
    </div>`;
  }
}

customElements.define('ky-compose-link', KyComposeLink);
