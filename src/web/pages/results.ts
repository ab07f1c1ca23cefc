import type { ResultLine } from '../../actions/result-lines.ts';
import { type Html, html } from '../html.ts';
import { count, nothing, outside, personLink } from './parts.ts';

/** What the page of results shows. */
export type ResultsView = {
  readonly customers: readonly string[];
  readonly customer: string;
  readonly platforms: readonly string[];
  readonly platform: string | null;
  readonly status: 'open' | 'completed' | null;
  readonly lines: readonly ResultLine[];
  readonly more: boolean;
};

/** Who completed what; the open ones first. */
export function resultsPage(view: ResultsView): Html {
  const { customers, customer, platforms, platform, status, lines, more } = view;
  const option = (value: string, text: string, chosen: boolean): Html =>
    html`<option value="${value}"${chosen ? html` selected` : nothing}>${text}</option>`;
  const query = new URLSearchParams({
    customer,
    ...(platform === null ? {} : { platform }),
    ...(status === null ? {} : { status }),
  });
  return html`<h1>Results</h1>
<form method="get" action="/results" class="row">
${customers.length < 2 ? nothing : html`<label for="customer">Customer</label><select id="customer" name="customer">${customers.map((one) => option(one, one, one === customer))}</select>`}
<label for="platform">Platform</label><select id="platform" name="platform">${option('', 'all', platform === null)}${platforms.map((one) => option(one, one, one === platform))}</select>
<label for="status">Status</label><select id="status" name="status">${option('', 'all, open ones first', status === null)}${option('open', 'open', status === 'open')}${option('completed', 'completed', status === 'completed')}</select>
<button>Show</button></form>
<p><a href="/results.csv?${query.toString()}">All of these as CSV</a></p>
${
  lines.length === 0
    ? html`<p>No results have been read. <code>rollcall results</code> reads them.</p>`
    : html`<div class="field needs-script"><label for="filter">Find</label><input id="filter" type="search" data-filter="#results" autocomplete="off"><span class="soft small" id="results-count" role="status">${count(lines.length)} of ${count(lines.length)}</span></div>
<table class="stack" id="results"><thead><tr><th>Name</th><th>Id</th><th>Department</th><th>Training</th><th>Platform</th><th>Status</th><th>Enrolled</th><th>Completed</th></tr></thead>
<tbody>${lines.map(
        (line) =>
          html`<tr data-text="${`${line.name} ${line.person ?? ''} ${line.department ?? ''} ${line.targetName} ${line.platform} ${line.status}`.toLowerCase()}"><th scope="row">${line.name === '' ? html`<span class="soft">no name</span>` : outside(line.name)}</th><td>${line.person === null ? outside(line.account) : personLink(customer, line.person)}</td><td>${outside(line.department ?? '')}</td><td>${outside(line.targetName)}</td><td>${line.platform}</td><td>${line.status}</td><td data-label="Enrolled">${line.enrolled ?? ''}</td><td data-label="Completed">${line.completed ?? ''}</td></tr>`,
      )}</tbody></table>${more ? html`<p class="soft">The first ${count(lines.length)}: the CSV has all.</p>` : nothing}`
}`;
}
