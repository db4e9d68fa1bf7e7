/** Filters: a form's conditions as CQL2 text (OGC 21-065r2), and in words for the chip on the layer. */

export type FieldType = 'text' | 'integer' | 'number' | 'date' | 'instant';

/** A field as a form offers it. */
export interface FilterField {
  readonly code: string;
  readonly name: string;
  readonly type: FieldType;
  readonly unit: string;
  /** choices of a code list; none: anything may be typed */
  readonly choices: readonly { readonly code: string; readonly name: string }[];
}

export type Operator = '=' | '<>' | '<' | '<=' | '>' | '>=' | 'between' | 'in' | 'starts' | 'contains' | 'empty' | 'filled';

export interface Condition {
  readonly field: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

export interface Form {
  readonly join: 'and' | 'or';
  readonly conditions: readonly Condition[];
}

const ORDERED: readonly Operator[] = ['=', '<>', '<', '<=', '>', '>=', 'between', 'empty', 'filled'];
const WORDED: readonly Operator[] = ['=', '<>', 'starts', 'contains', 'in', 'empty', 'filled'];
const CODED: readonly Operator[] = ['in', '=', '<>', 'starts', 'empty', 'filled'];

/** The comparisons that mean something for a field. */
export function operatorsOf(field: FilterField): readonly Operator[] {
  if (field.choices.length) return CODED;
  return field.type === 'text' ? WORDED : ORDERED;
}

/** How many values an operator takes; -1: one or more. */
export function arity(operator: Operator): number {
  if (operator === 'empty' || operator === 'filled') return 0;
  return operator === 'between' ? 2 : operator === 'in' ? -1 : 1;
}

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** `%` and `_` typed by a person mean themselves. */
const pattern = (text: string): string => text.replace(/[\\%_]/g, (sign) => `\\${sign}`);

/** A value as a CQL2 literal; null when it does not fit the field. */
export function literal(field: FilterField, text: string): string | null {
  const value = text.trim();
  if (field.type === 'text') return quote(value);
  if (field.type === 'date') return /^\d{4}-\d{2}-\d{2}$/.test(value) ? `DATE('${value}')` : null;
  if (field.type === 'instant') return Number.isNaN(Date.parse(value)) ? null : `TIMESTAMP('${new Date(value).toISOString()}')`;
  const number = Number(value.replaceAll(',', ''));
  if (value === '' || !Number.isFinite(number)) return null;
  return field.type === 'integer' && !Number.isInteger(number) ? null : String(number);
}

/** One condition as CQL2; null while it is not complete. */
export function conditionText(condition: Condition, field: FilterField): string | null {
  const { operator } = condition;
  const name = field.code;
  if (operator === 'empty') return `${name} IS NULL`;
  if (operator === 'filled') return `${name} IS NOT NULL`;
  const given = condition.values.map((value) => value.trim()).filter((value) => value !== '');
  if (operator === 'starts') return given[0] ? `${name} LIKE ${quote(`${pattern(given[0])}%`)}` : null;
  if (operator === 'contains') return given[0] ? `${name} LIKE ${quote(`%${pattern(given[0])}%`)}` : null;
  const literals = given.map((value) => literal(field, value));
  if (!literals.length || literals.some((one) => one === null)) return null;
  if (operator === 'in') return `${name} IN (${literals.join(', ')})`;
  if (operator === 'between') return literals.length === 2 ? `${name} BETWEEN ${literals[0]} AND ${literals[1]}` : null;
  return `${name} ${operator} ${literals[0]}`;
}

/** The whole form as CQL2; conditions that are not complete are left out; '' without any. */
export function formText(form: Form, fields: readonly FilterField[]): string {
  const known = new Map(fields.map((field) => [field.code, field]));
  const parts = form.conditions.flatMap((condition) => {
    const field = known.get(condition.field);
    const text = field ? conditionText(condition, field) : null;
    return text === null ? [] : [text];
  });
  return parts.join(form.join === 'and' ? ' AND ' : ' OR ');
}

/** The first condition that is not complete or does not fit its field: its place and what it should be. */
export function firstUnready(form: Form, fields: readonly FilterField[]): number {
  const known = new Map(fields.map((field) => [field.code, field]));
  return form.conditions.findIndex((condition) => {
    const field = known.get(condition.field);
    return !field || conditionText(condition, field) === null;
  });
}

/** Two filters that both must hold. */
export function both(first: string, second: string): string {
  if (!first || !second) return first || second;
  return `(${first}) AND (${second})`;
}
