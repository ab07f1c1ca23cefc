import { changeKinds } from '../../change.ts';
import type { Run } from '../../store/run-lookups.ts';
import { type Html, html } from '../html.ts';
import { heldList, holdForm, type RunView, titleOf, turnedDownList } from './held.ts';
import { statusStanding } from './home.ts';
import { csrfField, type Viewer } from './layout.ts';
import {
  changesInWords,
  count,
  nothing,
  outside,
  people,
  personLink,
  runLink,
  standing,
  time,
} from './parts.ts';

/** What a run would do and did, who decided what, and, while something is held, the form that decides. */
export function runPage(view: RunView, viewer: Viewer): Html {
  const { run, hold: state } = view.story;
  const underWay = run.ended_ms === null;
  return html`<h1>${run.platform}: ${standing(statusStanding(run.status))}</h1>
<p class="soft">${run.customer} · ${triggerOf(run)} · begun ${time(run.created_ms)}${run.ended_ms === null ? nothing : html` · ended ${time(run.ended_ms)}`}</p>
${underWay ? progressOf(run) : nothing}
${reasonsOf(run)}
${decisionsOf(view, viewer)}
${state === 'open' || state === 'expired' ? holdForm(view, viewer) : view.hold.groups.length > 0 ? heldList(view) : nothing}
${turnedDownList(view)}
${othersOf(view)}
${countsOf(run)}
${failuresOf(view)}
<p class="soft small">Run <code>${run.id}</code>${run.hash === null ? nothing : html`, hash <code>${run.hash}</code>`}</p>`;
}

function triggerOf(run: Run): Html {
  const words: Readonly<Record<Run['trigger'], string>> = {
    schedule: 'by the schedule',
    command: 'asked for',
    resync: 'a resync',
    approval: 'carries out an approval',
    undo: 'takes a run back',
    'catch-up': 'makes up for a missed slot',
  };
  const who = run.actor === null ? nothing : html` by ${outside(run.actor)}`;
  return html`${words[run.trigger]}${who}${run.person === null ? nothing : html`, only ${personLink(run.customer, run.person)}`}`;
}

function progressOf(run: Run): Html {
  return html`<section class="card" data-events="/runs/${run.id}/events" aria-live="polite"><h2>Under way</h2>
<p data-progress>${run.status}</p><progress aria-label="Progress"></progress></section>`;
}

function reasonsOf(run: Run): Html {
  const lines = [...run.reasons, ...run.notes];
  if (lines.length === 0) return nothing;
  return html`<section class="card ${run.status === 'failed' ? 'bad' : 'wait'}"><h2>Why</h2>${lines.map(
    ({ code, message }) => html`<p>${outside(message)} <span class="soft small">${code}</span></p>`,
  )}</section>`;
}

function decisionsOf({ story, rejected, mayDecide }: RunView, viewer: Viewer): Html {
  const { run, hold, approvals, carriesOut, rejections, replacedBy } = story;
  const lines: Html[] = approvals.map(
    (approval) =>
      html`<li>${outside(approval.actor)} (${approval.via}) approved ${
        approval.people === null ? 'all of it' : `what concerns ${people(approval.people.length)}`
      } ${time(approval.created_ms)}${approval.used_by === null ? ', not carried out yet' : html`: ${runLink(approval.used_by, 'what it did')}`}</li>`,
  );
  for (const one of rejections) {
    const why = one.reason === null ? nothing : html`: ${outside(one.reason)}`;
    lines.push(
      html`<li>${outside(one.actor)} (${one.via}) rejected ${count(one.changes)} changes ${time(one.created_ms)} until ${time(one.until_ms)}${why}</li>`,
    );
    if (one.withdrawn_ms !== null)
      lines.push(
        html`<li>${outside(one.withdrawn_by ?? 'somebody')} took that back ${time(one.withdrawn_ms)}</li>`,
      );
  }
  if (hold === 'replaced')
    lines.push(
      html`<li>Replaced by ${replacedBy === null ? 'a newer run' : runLink(replacedBy, 'a newer run')}, which judged everything anew</li>`,
    );
  if (carriesOut !== null)
    lines.push(
      html`<li>Carries out what ${outside(carriesOut.actor)} (${carriesOut.via}) approved of ${runLink(carriesOut.run_id, 'an earlier run')}</li>`,
    );
  if (lines.length === 0 && rejected.changes === 0) return nothing;
  return html`<section class="card"><h2>Decided</h2><ul>${lines}</ul>${
    rejected.changes === 0
      ? nothing
      : html`<p>${count(rejected.changes)} changes are not proposed again${rejected.untilMs === null ? nothing : html` until ${time(rejected.untilMs)}`}, unless they change.</p>
${
  mayDecide
    ? html`<form method="post" action="/runs/${run.id}/withdraw">${csrfField(viewer)}<button>Take the rejection back</button></form>`
    : nothing
}`
  }</section>`;
}

function othersOf({ others, nameOf }: RunView): Html {
  if (others.length === 0) return nothing;
  return html`<section class="card"><h2>On other platforms</h2>${others.map(
    ({ run, hold }) =>
      html`<p>${runLink(run.id, `${run.platform}: ${changesInWords(run.held)}`)}<br><span class="soft small">${hold.groups.slice(0, 3).map((group) => html`${titleOf(group, nameOf)}. `)}</span></p>`,
  )}</section>`;
}

function countsOf(run: Run): Html {
  const kinds = changeKinds.filter(
    (kind) => run.planned[kind] + run.applied[kind] + run.failed[kind] + run.held[kind] > 0,
  );
  if (kinds.length === 0) return nothing;
  return html`<h2>What it did</h2><table class="words"><thead><tr><th>Kind</th><th class="number">Planned</th><th class="number">Applied</th><th class="number">Failed</th><th class="number">Held</th></tr></thead>
<tbody>${kinds.map(
    (kind) =>
      html`<tr><th scope="row">${kind}</th><td class="number">${count(run.planned[kind])}</td><td class="number">${count(run.applied[kind])}</td><td class="number">${count(run.failed[kind])}</td><td class="number">${count(run.held[kind])}</td></tr>`,
  )}</tbody></table>
<p class="soft small">${count(run.reads)} requests that read, ${count(run.writes)} that wrote; ${count(run.accounts)} accounts there, ${count(run.managed)} ours; ${count(run.rejected)} rows rejected, ${people(run.review)} in review.</p>`;
}

function failuresOf({ failures, story }: RunView): Html {
  if (failures.length === 0) return nothing;
  const { customer } = story.run;
  return html`<h2>What went wrong</h2><table class="stack"><thead><tr><th>Who</th><th>What</th><th>Outcome</th><th>Why</th></tr></thead>
<tbody>${failures.map(
    (change) =>
      html`<tr><th scope="row">${personLink(customer, change.person)}</th><td>${change.kind}</td><td>${change.outcome ?? ''}</td><td>${outside(change.outcome_message ?? change.outcome_code ?? '')}</td></tr>`,
  )}</tbody></table>`;
}
