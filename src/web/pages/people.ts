import type { FoundPerson } from '../../actions/find-people.ts';
import { type Html, html } from '../html.ts';
import { csrfField, type Viewer } from './layout.ts';
import { count, nothing, outside, personLink, time } from './parts.ts';

/** What was found for one customer. */
export type FoundOf = {
  readonly customer: string;
  readonly people: readonly FoundPerson[];
  readonly more: boolean;
  /** When the roster was read, in ms; null where it could not be. */
  readonly readMs: number | null;
  /** Why the roster could not be read, if it could not. */
  readonly problem: string | null;
};

/** The search for people. It is sent in a form's body: what somebody looked for stands in no address and no log. */
export function peoplePage(found: readonly FoundOf[] | null, text: string, viewer: Viewer): Html {
  return html`<h1>People</h1>
<form method="post" action="/people">${csrfField(viewer)}
<div class="field"><label for="text">Employee id, name or email</label>
<input id="text" name="text" type="search" value="${text}" required maxlength="200" autocomplete="off"></div>
<button class="main">Find</button></form>
${found === null ? nothing : found.map((of) => foundList(of, found.length > 1))}`;
}

function foundList({ customer, people, more, readMs, problem }: FoundOf, several: boolean): Html {
  const head = several ? html`<h2>${customer}</h2>` : html`<h2>Found</h2>`;
  if (problem !== null) return html`${head}<p class="bad">${outside(problem)}</p>`;
  if (people.length === 0)
    return html`${head}<p>Nobody on the roster. Somebody who is not on it any more has a page all the same: <code>/people/ID</code>.</p>`;
  return html`${head}<table class="stack"><thead><tr><th>Name</th><th>Id</th><th>Department</th><th>State</th></tr></thead>
<tbody>${people.map(
    (person) =>
      html`<tr><th scope="row">${outside(`${person.firstName ?? ''} ${person.lastName ?? ''}`.trim())}</th><td>${personLink(customer, person.id)}</td><td>${outside(person.department ?? '')}</td><td>${person.state}</td></tr>`,
  )}</tbody></table>${more ? html`<p class="soft">The first ${count(people.length)}: write more to see others.</p>` : nothing}<p class="soft small">The roster as it was read ${time(readMs)}.</p>`;
}
