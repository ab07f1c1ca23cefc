import type { Run } from '../../store/run-lookups.ts';
import { type Html, html } from '../html.ts';
import { countsCell, statusStanding } from './home.ts';
import { nothing, outside, personLink, runLink, standing, time } from './parts.ts';

/** Runs, newest first. */
export function runsPage(runs: readonly Run[], several: boolean): Html {
  if (runs.length === 0) return html`<h1>Runs</h1><p>There are none yet.</p>`;
  return html`<h1>Runs</h1>
<div class="field needs-script"><label for="filter">Find</label><input id="filter" type="search" data-filter="#runs" autocomplete="off">
<span class="soft small" id="runs-count" role="status">${runs.length} of ${runs.length}</span></div>
<table class="stack" id="runs"><thead><tr><th>Begun</th>${several ? html`<th>Customer</th>` : nothing}<th>Platform</th><th>How it ended</th><th>Applied</th><th>Held</th><th>By</th></tr></thead>
<tbody>${runs.map(
    (run) =>
      html`<tr data-text="${`${run.customer} ${run.platform} ${run.status} ${run.trigger} ${run.actor ?? ''}`.toLowerCase()}"><th scope="row">${runLink(run.id, time(run.created_ms))}</th>${several ? html`<td>${run.customer}</td>` : nothing}<td>${run.platform}${run.person === null ? nothing : html`, only ${personLink(run.customer, run.person)}`}</td>
<td>${standing(statusStanding(run.status))}</td><td data-label="Applied">${countsCell(run.applied)}</td><td data-label="Held">${countsCell(run.held)}</td><td>${run.actor === null ? run.trigger : outside(run.actor)}</td></tr>`,
  )}</tbody></table>`;
}
