/** The select box with which the tools of one layer change to another layer of the map. */
import { html, type TemplateResult } from 'lit';
import type { LayerInfo } from '../api';
import { named, t } from '../language';

export function layerChoice(layers: readonly LayerInfo[], chosen: string | null, id: string, take: (collection: string) => void): TemplateResult {
  return html`<label class="kt-choice" for=${id}><span>${t('图层', 'Layer')}</span>
    <select id=${id} class="form-select form-select-sm" @change=${(event: Event) => take((event.target as HTMLSelectElement).value)}>
      ${layers.map((layer) => html`<option value=${layer.collection} .selected=${layer.collection === chosen}>${named(layer)}${t(`（${layer.code}）`, ` (${layer.code})`)}</option>`)}
    </select></label>`;
}
