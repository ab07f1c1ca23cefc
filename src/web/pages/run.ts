import { changeKinds, sumOf, type ChangeCounts } from '../../change.ts';
import type { Hold, HoldGroup, HeldPerson } from '../../actions/hold-groups.ts';
import { decidedOf, type RunStory } from '../../actions/run-story.ts';
import type { StoredChange } from '../../store/journal.ts';
import type { Run } from '../../store/run-lookups.ts';
import { type Html, html } from '../html.ts';
import { statusStanding } from './home.ts';
import { csrfField, type Viewer } from './layout.ts';
import {
  changes,
  changesInWords,
  count,
  nothing,
  outside,
  people,
  personLink,
  runLink,
  share,
  standing,
  time,
} from './parts.ts';

/** Names of enrollment targets by the platform's id. */
export type TargetNames = (target: string) => string;

/** What the page of a run shows. */
export type RunView = {
  readonly story: RunStory;
  readonly hold: Hold;
  readonly ordinary: ChangeCounts | null;
  readonly failures: readonly StoredChange[];
  readonly nameOf: TargetNames;
  /** Holds of the customer's other platforms that wait as well. */
  readonly others: readonly { readonly run: Run; readonly hold: Hold }[];
  readonly mayDecide: boolean;
  /** Of what this run rejected, how much still stands. */
  readonly rejected: { readonly changes: number; readonly untilMs: number | null };
};

/** People of a group that stand on the page; the rest is on pages of its own. */
const inlinePeople = 20;

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

/** A column of decisions: groups with a tick each, their people behind a fold. */
function holdForm(view: RunView, viewer: Viewer): Html {
  const { story, hold, mayDecide } = view;
  const { run, hold: state } = story;
  const expired = state === 'expired';
  const groups = hold.groups.map((group) => groupCard(view, group, mayDecide && !expired));
  const head = html`<h2 id="held">${changesInWords(run.held)} wait for a decision</h2>
<p class="soft">Of ${people(hold.people.size)}. ${
    expired
      ? html`The hold expired ${time(run.hold_expires_ms)}: a new run judges anew. It can still be rejected.`
      : html`Can be approved until ${time(run.hold_expires_ms)}.`
  } Deciding is by person: whoever is chosen, all that this run holds of them is.</p>`;
  if (!mayDecide) return html`${head}<p>Your token may look, not decide.</p>${groups}`;
  return html`<form method="post" action="/runs/${run.id}/confirm">${csrfField(viewer)}
<input type="hidden" name="hash" value="${run.hash ?? ''}">
${head}
${
  expired
    ? nothing
    : html`<div class="row needs-script"><button type="button" data-tick="all">Tick all</button><button type="button" data-tick="none">Tick none</button></div>`
}
${groups}
<div class="bar"><div class="row">
${
  expired
    ? nothing
    : html`<button name="decision" value="approve">Approve what is ticked…</button>
<button class="main" name="decision" value="approve-all">Approve all ${count(sumOf(run.held))}…</button>`
}
<button name="decision" value="reject">Reject all…</button></div></div>
</form>`;
}

function heldList(view: RunView): Html {
  return html`<h2>What was held</h2>${view.hold.groups.map((group) => groupCard(view, group, false))}`;
}

function groupCard(view: RunView, group: HoldGroup, tick: boolean): Html {
  const { story, ordinary, nameOf } = view;
  const { run } = story;
  const title = html`<strong>${titleOf(group, nameOf)}</strong>`;
  const where = group.departments
    .slice(0, 5)
    .map(({ name, count: of }) => html`<span>${outside(name)} ${count(of)}</span> `);
  const part = share(
    group.people.length,
    group.target === null ? run.managed : (run.members[group.target] ?? 0),
  );
  const facts = [
    ...(part === '' ? [] : [`${part} of ${group.target === null ? 'all accounts' : 'its members'}`]),
    ...decidedFacts(story, group),
    ...(ordinary === null ? [] : [`an ordinary day has ${changes(group.kind, ordinary[group.kind])}`]),
  ];
  return html`<section class="card group">${
    tick
      ? html`<input type="checkbox" name="group" value="${group.key}" id="g-${group.key}" aria-labelledby="t-${group.key}">`
      : nothing
  }
<div><h3 id="t-${group.key}">${title}</h3>
<p class="soft small">${facts.join('; ')}</p>
${where.length === 0 ? nothing : html`<p class="small">${where}${group.departments.length > 5 ? '…' : ''}</p>`}
<details><summary>Who<span class="visually-hidden"> of ${titleOf(group, nameOf)}</span></summary>
${peopleTable(run.customer, group.people.slice(0, inlinePeople), tick ? group.key : null)}
${
  group.people.length > inlinePeople
    ? html`<p><a href="/runs/${run.id}/groups/${group.key}">All ${count(group.people.length)}<span class="visually-hidden"> of ${titleOf(group, nameOf)}</span></a></p>`
    : nothing
}</details></div></section>`;
}

/** Of a hold that was approved in part: how many were, and how many were not. */
function decidedFacts(story: RunStory, group: HoldGroup): readonly string[] {
  if (story.hold !== 'approved') return [];
  const approved = group.people.filter(({ person }) => decidedOf(story, person) === 'approved').length;
  const rest = group.people.length - approved;
  return [rest === 0 ? 'all approved' : `${count(approved)} approved, ${count(rest)} not: judged anew`];
}

/** `12 deactivations: left`. */
export function titleOf(group: HoldGroup, nameOf: TargetNames): Html {
  const of = group.target === null ? nothing : html` of ${outside(nameOf(group.target))}`;
  return html`${changes(group.kind, group.people.length)}${of}: ${outside(group.why)}`;
}

/** People as a table; with a tick each where `key` names their group. */
export function peopleTable(customer: string, list: readonly HeldPerson[], key: string | null): Html {
  const whats = list.some(({ what }) => what !== '');
  const whys = new Set(list.map(({ why }) => why)).size > 1;
  return html`<table class="stack"><thead><tr>${key === null ? nothing : html`<th><span class="visually-hidden">Choose</span></th>`}<th>Name</th><th>Id</th><th>Department</th>${whats ? html`<th>What</th>` : nothing}${whys ? html`<th>Why</th>` : nothing}</tr></thead>
<tbody>${list.map(
    ({ person, name, department, what, why }) =>
      html`<tr>${
        key === null
          ? nothing
          : html`<td><input type="checkbox" name="person" value="${person}" data-of="${key}" aria-label="${`Choose ${person}`}"></td>`
      }<th scope="row">${name === '' ? html`<span class="soft">no name</span>` : outside(name)}</th><td>${personLink(customer, person)}</td><td>${department === null ? nothing : outside(department)}</td>${whats ? html`<td>${outside(what)}</td>` : nothing}${whys ? html`<td>${outside(why)}</td>` : nothing}</tr>`,
  )}</tbody></table>`;
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
  return html`<h2>What it did</h2><table><thead><tr><th>Kind</th><th class="number">Planned</th><th class="number">Applied</th><th class="number">Failed</th><th class="number">Held</th></tr></thead>
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

/** People of a group, page by page. */
export function groupPage(options: {
  readonly run: Run;
  readonly group: HoldGroup;
  readonly page: number;
  readonly pageSize: number;
  readonly nameOf: TargetNames;
  readonly mayDecide: boolean;
  readonly viewer: Viewer;
}): Html {
  const { run, group, page, pageSize, nameOf, mayDecide, viewer } = options;
  const pages = Math.max(1, Math.ceil(group.people.length / pageSize));
  const list = group.people.slice((page - 1) * pageSize, page * pageSize);
  const at = (number: number, text: string): Html =>
    number < 1 || number > pages
      ? nothing
      : html`<a href="/runs/${run.id}/groups/${group.key}?page=${number}">${text}</a>`;
  const table = peopleTable(run.customer, list, mayDecide ? group.key : null);
  return html`<h1>${titleOf(group, nameOf)}</h1>
<p>${runLink(run.id, 'Back to the run')}</p>
${
  mayDecide
    ? html`<form method="post" action="/runs/${run.id}/confirm">${csrfField(viewer)}<input type="hidden" name="hash" value="${run.hash ?? ''}">${table}
<div class="bar"><div class="row"><button name="decision" value="approve">Approve who is ticked…</button></div></div></form>`
    : table
}
<nav class="row" aria-label="Pages of the group">${at(page - 1, 'Before')}<span>Page ${page} of ${pages}</span>${at(page + 1, 'Next')}</nav>`;
}
