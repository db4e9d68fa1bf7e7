/** `<ky-base-panel>`: what lies under the data. Boundaries are always there; relief, water and others by choice. */
import { html, nothing, type TemplateResult } from 'lit';
import { baseMaps, type BaseMap } from '../api';
import { StoreElement } from '../element';
import { pageLanguage, t } from '../language';
import { BOUNDARIES_ONLY, choiceOf, partsOf } from '../map/base-layers';
import { store } from '../store';

export class KyBasePanel extends StoreElement {
  static override properties = { offered: { state: true }, problem: { state: true } };

  declare offered: readonly BaseMap[];
  declare problem: string;

  constructor() {
    super();
    this.offered = [];
    this.problem = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    baseMaps()
      .then((offered) => (this.offered = offered))
      .catch((error: unknown) => (this.problem = error instanceof Error ? error.message : String(error)));
  }

  #choose(id: string, on: boolean): void {
    const parts = new Set(partsOf(store.state.base));
    if (on) parts.add(id);
    else parts.delete(id);
    store.setBase(choiceOf([...parts]));
  }

  protected override render(): TemplateResult {
    if (this.problem) return html`<p class="ky-hint" role="alert">${this.problem}</p>`;
    return html`<fieldset class="ky-choice ky-bases"><legend>${t('数据下面的底图', 'Under the data')}</legend>
      ${this.offered.map((one) => this.#part(one))}</fieldset>`;
  }

  #part(part: BaseMap): TemplateResult {
    const isAlways = part.id === BOUNDARIES_ONLY;
    const isEnglish = pageLanguage() === 'en';
    const note = isEnglish ? part.notice_en : part.notice;
    return html`<label><input type="checkbox" class="form-check-input" .checked=${isAlways || partsOf(store.state.base).includes(part.id)} ?disabled=${isAlways}
        @change=${(event: Event) => this.#choose(part.id, (event.target as HTMLInputElement).checked)}>
      <span>${isEnglish ? part.title_en : part.title_zh}
        ${part.attribution ? html`<small>${t('来源：', 'Source: ')}${part.attribution}</small>` : nothing}
        ${note ? html`<small>${note}</small>` : nothing}</span></label>`;
  }
}

customElements.define('ky-base-panel', KyBasePanel);
