import { type Html, html } from '../html.ts';
import { nothing, time } from './parts.ts';

/** Who looks at a page, and what their forms carry. */
export type Viewer = {
  /** The name of their token. */
  readonly name: string;
  /** What proves that a form is of a page of this session; '' for who brings a bearer header. */
  readonly csrf: string;
  readonly boardShown: boolean;
  readonly nowMs: number;
};

/** Where the files that pages load are found. */
export type Look = { readonly style: string; readonly script: string };

/** One page. `title` is seen by whoever looks over a shoulder: it names nobody. */
export type Page = {
  readonly title: string;
  readonly here?: string;
  readonly body: Html;
  /** The page is read anew after so long where there is no script, in s. */
  readonly refreshS?: number;
};

const places = [
  ['/', 'Overview'],
  ['/runs', 'Runs'],
  ['/people', 'People'],
  ['/review', 'Review'],
  ['/results', 'Results'],
  ['/history', 'History'],
] as const;

/** The field that every form has. */
export function csrfField(viewer: Viewer): Html {
  return html`<input type="hidden" name="csrf" value="${viewer.csrf}">`;
}

/** Nothing is loaded from elsewhere, nothing runs that stands in a page, nobody frames it, and forms go nowhere else. */
export const pagePolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** A whole document. `viewer` is null where nobody has signed in. */
export function document(look: Look, viewer: Viewer | null, page: Page): string {
  const { title, here, body, refreshS } = page;
  const link = ([path, text]: readonly [string, string]): Html =>
    html`<a href="${path}"${path === here ? html` aria-current="page"` : nothing}>${text}</a>`;
  const top =
    viewer === null
      ? html`<header class="top"><span class="brand">Rollcall</span></header>`
      : html`<header class="top"><span class="brand">Rollcall</span>
<nav aria-label="Pages">${places.map(link)}${viewer.boardShown ? html`<a href="/queues/">Queues</a>` : nothing}</nav>
<form method="post" action="/logout">${csrfField(viewer)}<span class="soft small">${viewer.name}</span><button class="plain">Sign out</button></form></header>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${look.style}">
<script type="module" src="${look.script}"></script>
${refreshS === undefined ? nothing : html`<noscript><meta http-equiv="refresh" content="${refreshS}"></noscript>`}
</head>
<body>
<a class="skip" href="#main">To the content</a>
${top}
<main id="main" tabindex="-1">
${body}
${viewer === null ? nothing : html`<p class="print-only">Printed by ${viewer.name}, ${time(viewer.nowMs)}</p>`}
</main>
</body>
</html>
`.html;
}
