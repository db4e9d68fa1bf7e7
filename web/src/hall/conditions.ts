/** Fields that are asked only under certain answers: hidden, and not sent, while they are not asked. */

export type Condition = readonly (readonly [string, readonly (string | boolean)[]])[];
export type Answers = ReadonlyMap<string, readonly string[]>;

/** Is a field asked? One that hangs on a field that is not asked is not asked either. */
export function isAsked(name: string, conditions: ReadonlyMap<string, Condition>, answers: Answers, seen: ReadonlySet<string> = new Set()): boolean {
  if (seen.has(name)) return false;
  return (conditions.get(name) ?? []).every(([other, wanted]) => {
    const given = answers.get(other) ?? [];
    return isAsked(other, conditions, answers, new Set([...seen, name])) && wanted.some((value) => given.includes(String(value)));
  });
}

function answersOf(form: HTMLFormElement): Answers {
  const found = new Map<string, string[]>();
  for (const one of form.elements) {
    if (!(one instanceof HTMLInputElement || one instanceof HTMLSelectElement || one instanceof HTMLTextAreaElement) || !one.name) continue;
    if (one instanceof HTMLInputElement && (one.type === 'radio' || one.type === 'checkbox') && !one.checked) continue;
    found.set(one.name, [...(found.get(one.name) ?? []), one.value]);
  }
  return found;
}

/** Wakes the conditions of one form. */
export function wakeConditions(form: HTMLFormElement): void {
  const fields = [...form.querySelectorAll<HTMLElement>('[data-field]')];
  const conditions = new Map<string, Condition>();
  for (const field of fields) if (field.dataset.when) conditions.set(field.dataset.field ?? '', JSON.parse(field.dataset.when) as Condition);
  if (!conditions.size) return;
  const look = (): void => {
    // every answer counts while it is looked at, also those of fields hidden now
    for (const field of fields) setAsked(field, true);
    const answers = answersOf(form);
    for (const field of fields) setAsked(field, isAsked(field.dataset.field ?? '', conditions, answers));
  };
  form.addEventListener('change', look);
  look();
}

function setAsked(field: HTMLElement, asked: boolean): void {
  field.hidden = !asked;
  for (const one of field.querySelectorAll<HTMLInputElement>('input, select, textarea')) one.disabled = !asked;
}
