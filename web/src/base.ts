/** What every page loads: the look, and the small behaviours of the top bar. */
import '@tabler/core/dist/css/tabler.min.css';
import './styles/theme.css';

// A link to a view of the map must survive the change of language: the server does not see what follows '#'.
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-keep-fragment]')) {
  form.addEventListener('submit', () => {
    const next = form.elements.namedItem('next');
    if (next instanceof HTMLInputElement) next.value = location.pathname + location.search + location.hash;
  });
}

// Menus made of <details> close on Escape and when something else is pressed.
const openMenus = (): NodeListOf<HTMLDetailsElement> => document.querySelectorAll('details.ky-menu[open]');
document.addEventListener('pointerdown', (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target as Node)) menu.open = false;
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector('summary')?.focus();
  }
});
