import { type Html, html } from '../html.ts';
import { nothing } from './parts.ts';

/** What could not be done: what is wrong and what to do. `back` is where somebody goes on. */
export function problemPage(
  error: { readonly code: string; readonly message: string; readonly hint: string | null },
  back: { readonly href: string; readonly text: string },
): Html {
  return html`<h1>That did not work</h1>
<div class="card bad" role="alert"><p>${sentence(error.message)}</p>
${error.hint === null ? nothing : html`<p class="soft">${error.hint}</p>`}
<p class="soft small">${error.code}</p></div>
<p><a href="${back.href}">${back.text}</a></p>`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
