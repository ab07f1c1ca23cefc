import { createHash } from 'node:crypto';
import { changeKinds } from '../change.ts';
import { type Html, html } from './html.ts';
import type { PlatformState } from './schemas.ts';

const style = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2430; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d8dde4; vertical-align: top; }
code { background: #f0f2f5; padding: .1rem .3rem; overflow-wrap: anywhere; }
input, button { font: inherit; padding: .4rem .7rem; }
nav { display: flex; gap: 1rem; align-items: center; justify-content: flex-end; }
.bad { color: #a3261a; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

/** Nothing is loaded, nothing runs, nobody frames it, and forms go nowhere else. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${{ html: style }}</style>
</head>
<body>
${body}
</body>
</html>
`.html;
}

/** The login form. `problem` says why the last try failed. */
export function loginPage(problem: string | null): string {
  return page(
    'Rollcall: sign in',
    html`<h1>Rollcall</h1>
${problem === null ? '' : html`<p class="bad" role="alert">${problem}</p>`}
<form method="post" action="/login">
<p><label for="token">Token (one of control.tokens)</label></p>
<p><input id="token" name="token" type="password" autocomplete="current-password" required autofocus size="50">
<button>Sign in</button></p>
</form>`,
  );
}

/** How the platforms are and what waits for a decision. Counts and ids: no people. */
export function statusPage(platforms: readonly PlatformState[], boardShown: boolean): string {
  const held = platforms.flatMap((platform) => platform.held.map((run) => ({ platform, run })));
  return page(
    'Rollcall',
    html`<nav>${boardShown ? html`<a href="/queues/">Queues</a>` : ''}
<form method="post" action="/logout"><button>Sign out</button></form></nav>
<h1>Rollcall</h1>
<h2>Platforms</h2>
<table>
<thead><tr><th>Customer</th><th>Platform</th><th>Last good run</th><th>Last run</th><th>Next run</th><th>State</th></tr></thead>
<tbody>${platforms.map(platformRow)}</tbody>
</table>
<h2>Waiting for a decision</h2>
${
  held.length === 0
    ? html`<p>Nothing is held.</p>`
    : html`<table>
<thead><tr><th>Run</th><th>Held</th><th>Until</th><th>To decide</th></tr></thead>
<tbody>${held.map(({ platform, run }) => heldRow(platform, run))}</tbody>
</table>`
}`,
  );
}

function platformRow(platform: PlatformState): Html {
  const { paused, askedToWaitUntil: asked } = platform;
  const running =
    asked === null ? html`running` : html`<span class="bad">asked to wait until ${asked}</span>`;
  const state =
    paused === null
      ? running
      : html`<span class="bad">paused since ${paused.since}${paused.until === null ? '' : ` until ${paused.until}`}${paused.by === null ? '' : ` by ${paused.by}`}</span>`;
  return html`<tr><td>${platform.customer}</td><td>${platform.platform}</td><td>${platform.lastGood?.at ?? 'never'}</td>
<td>${platform.lastRun === null ? 'never' : `${platform.lastRun.status}, ${platform.lastRun.at}`}</td>
<td>${platform.nextRun ?? '–'}</td><td>${state}</td></tr>`;
}

function heldRow(platform: PlatformState, run: PlatformState['held'][number]): Html {
  const counts = changeKinds
    .filter((kind) => run.held[kind] > 0)
    .map((kind) => `${run.held[kind]} ${kind}`)
    .join(', ');
  const commands = run.expired
    ? html`expired: <code>rollcall sync ${platform.platform}</code> plans anew`
    : html`<code>rollcall show ${run.run}</code><br>
<code>rollcall approve ${run.run} --hash ${run.hash ?? ''}</code><br>
<code>rollcall reject ${run.run}</code>`;
  return html`<tr><td>${platform.customer}<br>${run.run}</td><td>${counts}</td><td>${run.expires ?? ''}</td><td>${commands}</td></tr>`;
}
