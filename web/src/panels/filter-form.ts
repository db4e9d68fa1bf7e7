/** `<ky-filter>`: what of a layer is shown, by a form or by CQL2 text; it holds for tiles, table and export alike. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { thousands } from '../format';
import { icon } from '../icons';
import { t } from '../language';
import { store } from '../store';
import { Refusal, checkFilter, queryables } from '../tools/api';
import { arity, firstUnready, formText, operatorsOf, type Condition, type FilterField, type Form, type Operator } from '../tools/cql2';
import { layerChoice } from '../tools/layer-choice';
import { onSubject, setSubject, subjectLayer } from '../tools/subject';

const EMPTY: Form = { join: 'and', conditions: [] };

const operatorName = (operator: Operator): string =>
  ({
    '=': t('等于', 'is'), '<>': t('不等于', 'is not'), '<': t('小于', 'less than'), '<=': t('不大于', 'at most'), '>': t('大于', 'more than'),
    '>=': t('不小于', 'at least'), between: t('介于', 'between'), in: t('属于', 'is one of'), starts: t('开头为', 'starts with'),
    contains: t('包含', 'contains'), empty: t('为空', 'is empty'), filled: t('不为空', 'is not empty'),
  })[operator];

export class KyFilter extends StoreElement {
  static override properties = {
    collection: { state: true }, layers: { state: true }, fields: { state: true }, form: { state: true }, text: { state: true },
    byText: { state: true }, problem: { state: true }, wrongAt: { state: true }, matched: { state: true }, busy: { state: true },
  };

  declare collection: string | null;
  declare layers: readonly LayerInfo[];
  declare fields: readonly FilterField[];
  declare form: Form;
  declare text: string;
  declare byText: boolean;
  declare problem: string;
  /** the condition that is not complete; -1: none */
  declare wrongAt: number;
  declare matched: number | null;
  declare busy: boolean;
  #request: AbortController | undefined;
  #stop: (() => void) | undefined;
  /** forms that were applied, by layer: the text in the store does not say which boxes it came from */
  readonly #forms = new Map<string, { form: Form; text: string }>();

  constructor() {
    super();
    this.collection = null;
    this.layers = [];
    this.fields = [];
    this.form = EMPTY;
    this.text = '';
    this.byText = false;
    this.problem = '';
    this.wrongAt = -1;
    this.matched = null;
    this.busy = false;
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

  protected override stateChanged(): void {
    void this.#open();
  }

  async #open(): Promise<void> {
    const found = await Promise.all(store.state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    this.layers = found.filter((layer) => layer !== null);
    const collection = subjectLayer();
    if (collection === this.collection) return;
    this.collection = collection;
    this.fields = [];
    this.problem = '';
    this.wrongAt = -1;
    this.matched = null;
    if (!collection) return;
    const applied = this.#applied;
    const kept = this.#forms.get(collection);
    this.byText = applied !== '' && kept?.text !== applied;
    this.form = kept && kept.text === applied ? kept.form : EMPTY;
    this.text = applied;
    try {
      const fields = await queryables(collection);
      if (collection !== this.collection) return;
      this.fields = fields;
      if (!this.form.conditions.length && !this.byText) this.#addCondition();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  get #applied(): string {
    return store.state.layers.find((layer) => layer.collection === this.collection)?.filter ?? '';
  }

  #change(index: number, change: Partial<Condition>): void {
    const conditions = this.form.conditions.map((one, at) => (at === index ? { ...one, ...change } : one));
    this.form = { ...this.form, conditions };
    this.wrongAt = -1;
    this.problem = '';
  }

  #addCondition(): void {
    const field = this.fields.find((one) => one.choices.length) ?? this.fields[0];
    if (!field) return;
    this.form = { ...this.form, conditions: [...this.form.conditions, { field: field.code, operator: operatorsOf(field)[0]!, values: [] }] };
  }

  #removeCondition(index: number): void {
    this.form = { ...this.form, conditions: this.form.conditions.filter((_, at) => at !== index) };
    this.wrongAt = -1;
  }

  /** The boxes become text that can be edited further; text does not become boxes again. */
  #toText(byText: boolean): void {
    if (byText && !this.byText) this.text = formText(this.form, this.fields) || this.text;
    this.byText = byText;
    this.problem = '';
  }

  async #apply(event: Event): Promise<void> {
    event.preventDefault();
    const collection = this.collection;
    if (!collection) return;
    if (!this.byText) {
      this.wrongAt = firstUnready(this.form, this.fields);
      if (this.wrongAt >= 0) {
        this.problem = t(`第 ${this.wrongAt + 1} 个条件还没有填好，或与字段类型不符。`, `Condition ${this.wrongAt + 1} is not complete, or does not fit its field.`);
        return;
      }
    }
    const text = this.byText ? this.text.trim() : formText(this.form, this.fields);
    if (!text) return this.#clear();
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.busy = true;
    this.problem = '';
    try {
      this.matched = await checkFilter(collection, text, request.signal);
      this.#forms.set(collection, { form: this.byText ? EMPTY : this.form, text: this.byText ? '' : text });
      this.text = text;
      store.setFilter(collection, text);
    } catch (error) {
      if (request.signal.aborted) return;
      this.problem = error instanceof Error ? error.message : String(error);
      this.#pointAt(error);
    } finally {
      if (this.#request === request) this.busy = false;
    }
  }

  /** The node says at which character it stopped reading. */
  #pointAt(error: unknown): void {
    const at = error instanceof Refusal ? Number(error.context['position'] ?? error.context['column'] ?? NaN) : NaN;
    const box = this.querySelector('textarea');
    if (!this.byText || !Number.isFinite(at) || !box) return;
    box.focus();
    box.setSelectionRange(Math.max(0, at - 1), this.text.length);
  }

  #clear(): void {
    if (this.collection) store.setFilter(this.collection, null);
    this.form = EMPTY;
    this.text = '';
    this.byText = false;
    this.matched = null;
    this.problem = '';
    this.#addCondition();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('wrongAt') && this.wrongAt >= 0) this.querySelectorAll<HTMLElement>('.kt-condition')[this.wrongAt]?.querySelector<HTMLElement>('.kt-value')?.focus();
  }

  protected override render(): TemplateResult {
    if (!this.collection) {
      return html`<div class="kt-body"><p class="ky-hint">${t('地图上还没有图层；先在左侧打开一个，再筛选它。', 'No layer is on the map; switch one on at the left, then filter it.')}</p></div>`;
    }
    const applied = this.#applied;
    return html`<form class="kt-body" @submit=${this.#apply} novalidate>
      ${layerChoice(this.layers, this.collection, 'kt-filter-layer', (collection) => setSubject({ collection, feature: null, title: '' }))}
      <div class="kt-segments" role="group" aria-label=${t('怎样写条件', 'How to write it')}>
        <button type="button" aria-pressed=${this.byText ? 'false' : 'true'} @click=${() => this.#toText(false)}>${t('按条件', 'By form')}</button>
        <button type="button" aria-pressed=${this.byText ? 'true' : 'false'} @click=${() => this.#toText(true)}>${t('CQL2 文本', 'CQL2 text')}</button>
      </div>
      ${this.byText ? this.#textBox() : this.#conditions()}
      ${this.problem ? html`<p id="kt-filter-problem" class="kt-problem" role="alert">${this.problem}</p>` : nothing}
      <div class="kt-row">
        <button type="submit" class="btn btn-sm btn-primary" ?disabled=${this.busy || (!this.byText && !this.fields.length)}>${icon('filter')}${t('应用筛选', 'Apply')}</button>
        <button type="button" class="btn btn-sm" ?disabled=${!applied && !this.text && !this.form.conditions.length} @click=${() => this.#clear()}>${t('清除', 'Clear')}</button>
      </div>
      <p class="kt-status" role="status">${this.busy ? t('正在核对…', 'Checking…') : applied ? this.#appliedText(applied) : t('没有筛选：显示全部要素。', 'No filter: everything is shown.')}</p>
    </form>`;
  }

  #appliedText(applied: string): TemplateResult {
    return html`${icon('check')}${t('已筛选', 'Filtered')}${this.matched === null ? nothing : html`：<strong data-matched=${this.matched}>${thousands(this.matched)}</strong> ${t('个要素', 'features')}`}
      <code class="kt-code">${applied}</code>`;
  }

  #textBox(): TemplateResult {
    return html`<label class="kt-label" for="kt-cql">${t('条件（CQL2）', 'Condition (CQL2)')}</label>
      <textarea id="kt-cql" class="form-control kt-cql" rows="5" spellcheck="false" autocomplete="off" .value=${this.text}
        aria-invalid=${this.problem ? 'true' : 'false'} aria-describedby=${this.problem ? 'kt-filter-problem' : 'kt-cql-help'}
        @input=${(event: InputEvent) => (this.text = (event.target as HTMLTextAreaElement).value)}></textarea>
      <p id="kt-cql-help" class="ky-hint">${t('例：', 'For example: ')}<code>DLBM IN ('0101','0103') AND TBMJ &gt; 5000</code></p>
      ${this.fields.length ? html`<details class="kt-fields"><summary>${t(`可用字段 ${this.fields.length} 个`, `${this.fields.length} fields`)}</summary>
        <ul>${this.fields.map((one) => html`<li><code>${one.code}</code> ${one.name}${one.unit ? t(`（${one.unit}）`, ` (${one.unit})`) : ''}</li>`)}</ul></details>` : nothing}`;
  }

  #conditions(): TemplateResult {
    const { conditions, join } = this.form;
    return html`
      ${conditions.length > 1 ? html`<div class="kt-join" role="radiogroup" aria-label=${t('条件之间', 'Between conditions')}>
        ${(['and', 'or'] as const).map((one) => html`<label><input type="radio" name="kt-join" class="form-check-input" .checked=${join === one} @change=${() => (this.form = { ...this.form, join: one })}>
          ${one === 'and' ? t('全部满足', 'all must hold') : t('任一满足', 'any may hold')}</label>`)}</div>` : nothing}
      ${conditions.map((condition, index) => this.#condition(condition, index))}
      <button type="button" class="ky-link kt-add" ?disabled=${!this.fields.length} @click=${() => this.#addCondition()}>${icon('plus')}${t('加一个条件', 'Add a condition')}</button>`;
  }

  #condition(condition: Condition, index: number): TemplateResult {
    const field = this.fields.find((one) => one.code === condition.field);
    const nth = t(`条件 ${index + 1}`, `Condition ${index + 1}`);
    return html`<fieldset class="kt-condition ${index === this.wrongAt ? 'is-wrong' : ''}"><legend class="visually-hidden">${nth}</legend>
      <select class="form-select form-select-sm" aria-label=${t(`${nth}：字段`, `${nth}: field`)} @change=${(event: Event) => this.#pickField(index, (event.target as HTMLSelectElement).value)}>
        ${this.fields.map((one) => html`<option value=${one.code} .selected=${one.code === condition.field}>${one.name} ${one.code}</option>`)}</select>
      <select class="form-select form-select-sm" aria-label=${t(`${nth}：比较`, `${nth}: comparison`)} @change=${(event: Event) => this.#change(index, { operator: (event.target as HTMLSelectElement).value as Operator })}>
        ${(field ? operatorsOf(field) : []).map((one) => html`<option value=${one} .selected=${one === condition.operator}>${operatorName(one)}</option>`)}</select>
      <button type="button" class="ky-tool" @click=${() => this.#removeCondition(index)} aria-label=${t(`去掉${nth}`, `Remove ${nth.toLowerCase()}`)}>${icon('x')}</button>
      ${field ? this.#values(condition, field, index, nth) : nothing}
    </fieldset>`;
  }

  #pickField(index: number, code: string): void {
    const field = this.fields.find((one) => one.code === code);
    if (field) this.#change(index, { field: code, operator: operatorsOf(field)[0]!, values: [] });
  }

  #values(condition: Condition, field: FilterField, index: number, nth: string): TemplateResult | typeof nothing {
    const count = arity(condition.operator);
    if (count === 0) return nothing;
    const label = t(`${nth}：值`, `${nth}: value`);
    if (field.choices.length && condition.operator !== 'starts') return this.#choices(condition, field, index, label, count === -1);
    if (count === -1) {
      return html`<input class="form-control form-control-sm kt-value" aria-label=${label} autocomplete="off" placeholder=${t('用逗号分开', 'separated by commas')} .value=${condition.values.join(', ')}
        @change=${(event: Event) => this.#change(index, { values: (event.target as HTMLInputElement).value.split(/[,，;；\s]+/).filter(Boolean) })}>`;
    }
    const set = (at: number, value: string): void => {
      const values = Array.from({ length: count }, (_, n) => (n === at ? value : (condition.values[n] ?? '')));
      this.#change(index, { values });
    };
    return html`<div class="kt-values">${Array.from({ length: count }, (_, at) => html`${at ? html`<span>${t('至', 'to')}</span>` : nothing}
      <input class="form-control form-control-sm kt-value" aria-label=${label} autocomplete="off" .value=${condition.values[at] ?? ''}
        inputmode=${field.type === 'number' || field.type === 'integer' ? 'decimal' : 'text'} placeholder=${placeholderOf(field)}
        @input=${(event: InputEvent) => set(at, (event.target as HTMLInputElement).value)}>`)}${field.unit ? html`<span>${field.unit}</span>` : nothing}</div>`;
  }

  #choices(condition: Condition, field: FilterField, index: number, label: string, many: boolean): TemplateResult {
    const toggle = (code: string, on: boolean): void =>
      this.#change(index, { values: many ? (on ? [...condition.values, code] : condition.values.filter((one) => one !== code)) : [code] });
    return html`<div class="kt-choices kt-value" role="group" tabindex="0" aria-label=${label}>${field.choices.map((one) => html`<label>
      <input type=${many ? 'checkbox' : 'radio'} name=${`kt-choice-${index}`} class="form-check-input" .checked=${condition.values.includes(one.code)} value=${one.code}
        @change=${(event: Event) => toggle(one.code, (event.target as HTMLInputElement).checked)}><span class="ky-code">${one.code}</span>${one.name}</label>`)}</div>`;
  }
}

function placeholderOf(field: FilterField): string {
  if (field.type === 'date') return t('年-月-日', 'YYYY-MM-DD');
  return field.type === 'instant' ? '2025-12-31T08:00:00Z' : '';
}

customElements.define('ky-filter', KyFilter);
