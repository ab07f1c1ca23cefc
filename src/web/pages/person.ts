import type { Explanation, JournalLine, PlatformStanding, RosterStanding } from '../../actions/explain.ts';
import { meaningOf } from '../../actions/links.ts';
import { whyOf } from '../../actions/run-story.ts';
import { type Html, html } from '../html.ts';
import { csrfField, type Viewer } from './layout.ts';
import { count, nothing, outside, runLink, time } from './parts.ts';

/** What the page of a person shows. */
export type PersonView = {
  readonly customer: string;
  readonly explanation: Explanation;
  readonly mayAct: boolean;
  /** The platform that a resync was just asked for. */
  readonly asked: string | null;
};

/** Everything that is known of one person: their row, their accounts, what was done and why, what comes next. */
export function personPage({ customer, explanation, mayAct, asked }: PersonView, viewer: Viewer): Html {
  const { person, roster, platforms, journal } = explanation;
  const name =
    roster.is === 'present'
      ? outside(`${roster.person.firstName ?? ''} ${roster.person.lastName ?? ''}`.trim() || person)
      : outside(person);
  return html`<h1>${name}</h1>
<p class="soft">${customer} · ${outside(person)}</p>
${asked === null ? nothing : html`<p role="status" class="card good">A resync of this person on ${asked} was asked for. What it did appears below.</p>`}
<h2>On the roster</h2>${rosterOf(roster)}
<h2>On the platforms</h2>${platforms.map((platform) => standingOf(customer, person, platform, mayAct, viewer))}
<h2>What was done</h2>${journalOf(journal)}`;
}

function facts(list: readonly (readonly [string, Html | string])[]): Html {
  return html`<dl class="facts">${list.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function rosterOf(roster: RosterStanding): Html {
  if (roster.is === 'unread') return html`<p class="bad">It cannot be read: ${outside(roster.reason)}</p>`;
  if (roster.is === 'rejected')
    return html`<p>Their row is rejected, ${count(roster.exports)} exports in a row: nothing happens to them.</p>
<ul>${roster.rows.map((row) => html`<li>${row.part === undefined ? nothing : `${row.part}, `}Line ${row.line}: ${outside(row.message)} <span class="soft small">${row.code}</span></li>`)}</ul>`;
  if (roster.is === 'missing')
    return roster.absence === null
      ? html`<p>They are not on it.${roster.part === '' ? nothing : ` The part ${roster.part} had them last.`}${roster.away.length === 0 ? nothing : ` ${roster.away.join(', ')} did not come, and they may be there.`}</p>`
      : html`<p>${roster.part === '' ? nothing : `The part ${roster.part} had them last. `}Missing from ${count(roster.absence.exports)} exports, since ${time(roster.absence.sinceMs)}. ${
          roster.absence.due
            ? 'That is long enough to deactivate.'
            : 'That is not long enough to do anything.'
        }</p>`;
  const { person, part, why } = roster;
  const known: (readonly [string, string | null])[] = [
    ['Email', person.email],
    ['Department', person.department],
    ['Status', person.status],
    ['First day', person.startDate],
    ['Last day', person.endDate],
    ['Id before', person.previousId],
    ...Object.entries(person.attributes),
  ];
  return facts([
    ['State', html`<strong>${person.state}</strong>, by ${outside(why)}`],
    ...known.flatMap(([name, value]): [string, Html][] =>
      value === null || value === '' ? [] : [[name, outside(value)]],
    ),
    ['Line of the export', html`${part === '' ? nothing : `${part}, `}${count(person.line)}`],
  ]);
}

function standingOf(
  customer: string,
  person: string,
  platform: PlatformStanding,
  mayAct: boolean,
  viewer: Viewer,
): Html {
  const { link, review, held, suppressions, accounts, targets } = platform;
  const lines: [string, Html | string][] = [
    ['Comes next', outside(platform.next)],
    [
      'Account',
      link === null
        ? 'none of ours'
        : html`${outside(link.account_id ?? link.external_id ?? link.email ?? '')}, ours since ${time(link.linked_ms)}`,
    ],
  ];
  if (accounts !== null)
    lines.push([
      'Account rule',
      html`${accounts.answer ? 'holds' : 'does not hold'}: <code>${accounts.rule}</code>`,
    ]);
  for (const target of targets)
    lines.push([
      `Target ${target.target}`,
      html`${target.answer ? 'holds' : 'does not hold'}: <code>${target.rule}</code>`,
    ]);
  if (platform.protectedFrom.length > 0) lines.push(['Protected from', platform.protectedFrom.join(', ')]);
  if (review !== null)
    lines.push([
      'In review',
      html`${meaningOf(review.code)}, since ${time(review.since_ms)}: <a href="/review">settle it</a>`,
    ]);
  for (const change of held)
    lines.push([
      'Held',
      html`${change.kind}: ${outside(whyOf(change))}, ${runLink(change.run_id, change.hold === 'open' ? 'waits for a decision' : 'the hold expired')}`,
    ]);
  for (const one of suppressions)
    lines.push([
      one.cause === 'rejected' ? 'Rejected' : 'Undone',
      html`${one.kind}, by ${outside(one.actor)}${one.until_ms === null ? nothing : html` until ${time(one.until_ms)}`}: ${runLink(one.run_id, 'the run')}`,
    ]);
  return html`<section class="card"><h3>${platform.platform}</h3>${facts(lines)}${
    mayAct
      ? html`<form method="post" action="/people/${encodeURIComponent(person)}/resync">${csrfField(viewer)}<input type="hidden" name="customer" value="${customer}"><input type="hidden" name="platform" value="${platform.platform}"><button>Resync this person<span class="visually-hidden"> on ${platform.platform}</span></button></form>`
      : nothing
  }</section>`;
}

function journalOf(journal: readonly JournalLine[]): Html {
  if (journal.length === 0) return html`<p>Nothing yet.</p>`;
  return html`<table class="stack"><thead><tr><th>When</th><th>Platform</th><th>What</th><th>Why</th><th>Outcome</th></tr></thead>
<tbody>${journal.map(
    (line) =>
      html`<tr><td>${line.done_ms === null ? runLink(line.run_id, 'planned') : runLink(line.run_id, time(line.done_ms))}</td><td>${line.platform}</td><th scope="row">${line.kind}${line.target === null ? nothing : html` ${outside(line.target)}`}${line.changed.length === 0 || line.kind === 'create' ? nothing : html`: ${line.changed.join(', ')}`}</th><td>${outside(whyOf(line))}</td><td>${line.outcome ?? line.disposition}${line.outcome_message === null ? nothing : html`: ${outside(line.outcome_message)}`}</td></tr>`,
  )}</tbody></table>`;
}
