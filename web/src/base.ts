/** What every page loads: the look, and the small behaviours of the top bar. */
import '@tabler/core/dist/css/tabler.min.css';
import './styles/theme.css';
import './styles/pages.css';
import './styles/permissions.css';
import './styles/touch.css';
import './bell';
import './hall/forget';

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

// A form that acts is sent once: its buttons rest after the first click (the server refuses a second one anyway).
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-once]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = '1';
    // after the browser has read the form: a disabled button would not be among what is sent
    setTimeout(() => form.querySelectorAll<HTMLButtonElement>('button[type=submit]').forEach((one) => (one.disabled = true)));
  });
}
// Coming back by the browser's back button shows the page as it was left: wake its forms.
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll<HTMLFormElement>('form[data-sent]')) {
    delete form.dataset.sent;
    form.querySelectorAll<HTMLButtonElement>('button[type=submit]').forEach((one) => (one.disabled = false));
  }
});
