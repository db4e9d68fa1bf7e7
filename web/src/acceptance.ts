/** Pages of acceptance: keys for whoever judges many samples in the office. */
import './styles/acceptance.css';

const JUDGEMENTS = ['class_right', 'boundary_right', 'attributes_right'];

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type=radio]), textarea, select, ky-map, ky-map *');
}

function key(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
  const number = Number(event.key);
  if (number >= 1 && number <= 6) {
    const [name, value] = [JUDGEMENTS[Math.floor((number - 1) / 2)], number % 2 ? '1' : '0'];
    const box = document.querySelector<HTMLInputElement>(`.ac-form input[name="${name}"][value="${value}"]`);
    if (!box) return;
    box.checked = true;
    box.focus();
    event.preventDefault();
    if (number === 2) document.querySelector<HTMLInputElement>('.ac-form input[name="class_found"]')?.focus();
  } else if (event.key === 'n' || event.key === 'p') {
    document.getElementById(event.key === 'n' ? 'ac-next' : 'ac-previous')?.click();
  }
}

if (document.querySelector('.ac-item')) document.addEventListener('keydown', key);
