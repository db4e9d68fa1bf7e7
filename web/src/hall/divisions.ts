/** Lists of divisions, each filled with what lies under the one before. */
import { t } from '../language';

interface Division {
  readonly code: string;
  readonly name_zh: string;
}

async function childrenOf(code: string): Promise<readonly Division[]> {
  const answer = await fetch(`/api/reference/divisions/${encodeURIComponent(code)}/children`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as Division[];
}

function fill(list: HTMLSelectElement, rows: readonly Division[]): void {
  const first = list.options[0];
  list.replaceChildren(...(first ? [first] : []), ...rows.map((row) => new Option(row.name_zh, row.code)));
  list.value = '';
}

/** Wakes the lists of one chooser. */
export function wakeDivisions(chooser: HTMLElement): void {
  const lists = [...chooser.querySelectorAll<HTMLSelectElement>('select[data-digits]')];
  let asked = 0;
  chooser.addEventListener('change', (event) => {
    const at = lists.indexOf(event.target as HTMLSelectElement);
    const here = lists[at];
    if (!here) return;
    asked += 1;
    const mine = asked;
    for (const later of lists.slice(at + 1)) fill(later, []);
    const next = lists[at + 1];
    if (!next || !here.value) return;
    next.disabled = true;
    childrenOf(here.value)
      .then((rows) => {
        if (mine === asked) fill(next, rows.filter((row) => row.code.length === Number(next.dataset.digits)));
      })
      .catch(() => {
        if (mine === asked) next.replaceChildren(new Option(t('没有取到，请重新选择上一级', 'Could not be fetched: choose the list above again'), ''));
      })
      .finally(() => {
        if (mine === asked) next.disabled = false;
      });
  });
}
