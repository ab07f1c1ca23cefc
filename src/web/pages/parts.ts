import { changeKinds, type ChangeCounts } from '../../change.ts';
import { shown } from '../../shown.ts';
import { type Html, html } from '../html.ts';

/** Nothing at all. */
export const nothing: Html = html``;

/** A number with its digits grouped. */
export const count = (value: number): string => value.toLocaleString('en');

/** A time, exact and in UTC; the script shows it in the reader's zone and leaves the exact one on hover. */
export function time(at: number | string | null): Html {
  if (at === null) return html`<span class="soft">never</span>`;
  const iso = new Date(at).toISOString();
  const exact = `${iso.slice(0, 16).replace('T', ' ')} UTC`;
  return html`<time datetime="${iso}" title="${exact}">${exact}</time>`;
}

/** A text from outside, in whatever script: it neither turns the direction of what follows nor holds what cannot be seen. */
export function outside(text: string): Html {
  return html`<bdi dir="auto">${shown(text)}</bdi>`;
}

const words: Readonly<Record<keyof ChangeCounts, readonly [one: string, many: string]>> = {
  create: ['new account', 'new accounts'],
  update: ['update', 'updates'],
  reactivate: ['reactivation', 'reactivations'],
  deactivate: ['deactivation', 'deactivations'],
  enroll: ['enrollment', 'enrollments'],
  unenroll: ['unenrollment', 'unenrollments'],
};

/** A number of changes of a kind, in words. */
export function changes(kind: keyof ChangeCounts, number: number): string {
  const [one, many] = words[kind];
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** All kinds that there are, in words; `nothing` for none. */
export function changesInWords(counts: ChangeCounts): string {
  const parts = changeKinds.flatMap((kind) => (counts[kind] > 0 ? [changes(kind, counts[kind])] : []));
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** `1 person`, `2 people`. */
export const people = (number: number): string => `${count(number)} ${number === 1 ? 'person' : 'people'}`;

/** A link to the page of a person. */
export function personLink(customer: string, person: string): Html {
  return html`<a href="/people/${encodeURIComponent(person)}?customer=${encodeURIComponent(customer)}">${outside(person)}</a>`;
}

/** A link to the page of a run. */
export function runLink(run: string, text: string | Html): Html {
  return html`<a href="/runs/${encodeURIComponent(run)}">${text}</a>`;
}

/** A share of a whole, in whole percent; nothing where there is no whole. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return '';
  const percent = (100 * part) / whole;
  return percent > 0 && percent < 1 ? 'less than 1 %' : `${Math.round(percent)} %`;
}

/** How something is: a word, and a colour that says nothing the word does not. */
export type Standing = { readonly tone: 'good' | 'wait' | 'bad' | 'quiet'; readonly word: string };

/** A standing as a word in its colour. */
export function standing({ tone, word }: Standing): Html {
  return html`<span class="state ${tone}">${word}</span>`;
}
