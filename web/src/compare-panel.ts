/** `<ky-compare-panel>`: chooses how two maps are compared, and what the right one shows. */
import { html, nothing, type TemplateResult } from 'lit';
import { StoreElement } from './element';
import { t } from './language';
import { store, type CompareMode } from './store';

const MODES: readonly (readonly [CompareMode, string, string])[] = [
  ['swipe', '卷帘', 'Swipe'],
  ['side', '并排', 'Side by side'],
  ['off', '不对比', 'One map'],
];

export class KyComparePanel extends StoreElement {
  protected override render(): TemplateResult {
    const { compare, layers, validAt } = store.state;
    return html`
      <fieldset class="ky-choice"><legend>${t('方式', 'How')}</legend>
        ${MODES.map(([mode, zh, en]) => html`<label><input type="radio" name="ky-compare-mode" class="form-check-input" .checked=${compare.mode === mode}
          @change=${() => store.setCompare({ mode })}>${t(zh, en)}</label>`)}
      </fieldset>
      ${compare.mode === 'off' ? nothing : html`
        <p class="ky-hint">${t(`左图：${validAt || '今天'}，${layers.length} 个图层。`, `Left: ${validAt || 'today'}, ${layers.length} layers.`)}</p>`}
    `;
  }
}

customElements.define('ky-compare-panel', KyComparePanel);
