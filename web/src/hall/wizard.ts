/** The steps of an application: what a script makes easier on pages that work without one. */
import '../styles/hall-wizard.css';
import { wakeConditions } from './conditions';
import { wakeDivisions } from './divisions';
import { wakeUpload } from './upload';

/** Wakes every part of the wizard that the page has. */
export function wakeWizard(): void {
  document.documentElement.classList.add('hl-js');
  // not hidden but removed: the first button of a form is what the Enter key presses
  for (const one of document.querySelectorAll('.hl-without-js')) one.remove();
  for (const one of document.querySelectorAll<HTMLElement>('[data-division]')) wakeDivisions(one);
  for (const one of document.querySelectorAll<HTMLFormElement>('form[data-conditions]')) wakeConditions(one);
  for (const one of document.querySelectorAll<HTMLFormElement>('form[data-upload]')) wakeUpload(one);
  document.querySelector('[data-print]')?.addEventListener('click', () => print());
  document.getElementById('form-errors')?.scrollIntoView({ block: 'nearest' });
}
