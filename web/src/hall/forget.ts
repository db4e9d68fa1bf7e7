/** Signing out, on whichever page, leaves nothing of the hall's forms on the device. */
import { forgetAll } from './draft-model';

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || new URL(form.action, location.href).pathname !== '/logout') return;
  try {
    forgetAll(globalThis.localStorage);
  } catch {
    // a browser that forbids the store has kept nothing
  }
});
