import { type Html, html } from '../html.ts';
import { nothing } from './parts.ts';

/** The login form. `problem` says why the last try failed. */
export function loginPage(problem: string | null): Html {
  return html`<h1>Sign in</h1>
${problem === null ? nothing : html`<p class="bad" role="alert">${problem}</p>`}
<form method="post" action="/login">
<div class="field"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus aria-describedby="token-help">
<span class="soft small" id="token-help">Yours alone: one of control.tokens, or one that rollcall tokens made.</span></div>
<button class="main">Sign in</button>
</form>`;
}
