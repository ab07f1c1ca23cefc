import type { HeldPerson, Hold, HoldGroup, Place } from '../../actions/hold-groups.ts';
import { decidedOf, type RunStory } from '../../actions/run-story.ts';
import { type ChangeCounts, sumOf } from '../../change.ts';
import type { StoredChange } from '../../store/journal.ts';
import type { Run } from '../../store/run-lookups.ts';
import { type Html, html } from '../html.ts';
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
  time,
} from './parts.ts';

/** Names of enrollment targets by the platform's id. */
export type TargetNames = (target: string) => string;

/** What the page of a run shows. */
export type RunView = {
  readonly story: RunStory;
  readonly hold: Hold;
  /** What was rejected of it while the rest waited on. */
  readonly turnedDown: Hold;
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
/** Sites of a group, and departments of a site, that are named. */
const shownPlaces = 8;
const shownDepartments = 5;

/** A column of decisions: groups with a tick each, their people behind a fold. */
export function holdForm(view: RunView, viewer: Viewer): Html {
  const { story, hold, mayDecide } = view;
  const { run, hold: state } = story;
  const expired = state === 'expired';
  const groups = hold.groups.map((group) => groupCard(view, group, mayDecide));
  const waits = sumOf(run.held) === 1 ? 'waits' : 'wait';
  const head = html`<h2 id="held">${changesInWords(run.held)} ${waits} for a decision</h2>
<p class="soft">Of ${people(hold.people.size)}. ${
    expired
      ? html`The hold expired ${time(run.hold_expires_ms)}: a new run judges anew. It can still be rejected.`
      : html`Can be approved until ${time(run.hold_expires_ms)}.`
  } Deciding is by person: whoever is chosen, all that this run holds of them is.</p>`;
  if (!mayDecide) return html`${head}<p>Your token may look, not decide.</p>${groups}`;
  return html`<form method="post" action="/runs/${run.id}/confirm">${csrfField(viewer)}
<input type="hidden" name="hash" value="${run.hash ?? ''}">
${head}
<div class="row needs-script"><button type="button" data-tick="all">Tick all</button><button type="button" data-tick="none">Tick none</button></div>
${groups}
${decideBar(sumOf(run.held), expired)}
</form>`;
}

/** The buttons: of what is ticked, or of all. Each leads to a last look; none decides. */
function decideBar(all: number, expired: boolean): Html {
  const button = (value: string, text: string, main = false): Html =>
    html`<button name="decision" value="${value}"${main ? html` class="main"` : nothing}>${text}</button>`;
  return html`<div class="bar decide" role="group" aria-label="Decide">${
    expired
      ? nothing
      : html`${button('approve', 'Approve ticked…')}${button('approve-all', `Approve all ${count(all)}…`, true)}`
  }${button('reject', 'Reject ticked…')}${button('reject-all', `Reject all ${count(all)}…`)}</div>`;
}

/** What was held, once it is decided. */
export function heldList(view: RunView): Html {
  return html`<h2>What was held</h2>${view.hold.groups.map((group) => groupCard(view, group, false))}`;
}

/** What was rejected while the rest waits on, or was decided otherwise. */
export function turnedDownList(view: RunView): Html {
  const { groups } = view.turnedDown;
  if (groups.length === 0) return nothing;
  return html`<h2>What was rejected</h2>${groups.map((group) => groupCard(view, group, false, 'rejected'))}`;
}

function groupCard(view: RunView, group: HoldGroup, tick: boolean, of: 'held' | 'rejected' = 'held'): Html {
  const { story, ordinary, nameOf } = view;
  const { run } = story;
  const title = titleOf(group, nameOf);
  const part = share(
    group.people.length,
    group.target === null ? run.managed : (run.members[group.target] ?? 0),
  );
  const facts = [
    ...(part === '' ? [] : [`${part} of ${group.target === null ? 'our accounts' : 'its members'}`]),
    ...(of === 'held' ? decidedFacts(story, group) : []),
    ...(ordinary === null ? [] : [`an ordinary day has ${changes(group.kind, ordinary[group.kind])}`]),
  ];
  return html`<section class="card group">${
    tick
      ? html`<input type="checkbox" name="group" value="${group.key}" id="g-${group.key}" aria-labelledby="t-${group.key}">`
      : nothing
  }
<div><h3 id="t-${group.key}">${title}</h3>
<p class="soft small">${facts.join('; ')}</p>
${placesOf(group, tick)}
<details><summary>Who<span class="visually-hidden"> of ${title}</span></summary>
${peopleTable(run.customer, group.people.slice(0, inlinePeople), tick ? group.key : null)}
${
  group.people.length > inlinePeople
    ? html`<p><a href="/runs/${run.id}/groups/${group.key}${of === 'held' ? '' : '?of=rejected'}">All ${count(group.people.length)}<span class="visually-hidden"> of ${title}</span></a></p>`
    : nothing
}</details></div></section>`;
}

/** Where the people of a group work: sites with their departments; a tick each where there are several. */
function placesOf({ key, places, people: of }: HoldGroup, tick: boolean): Html {
  if (places.length === 0) return nothing;
  const ticks = tick && places.length > 1;
  const known = places.reduce((sum, place) => sum + place.count, 0);
  const unknown = of.length - known;
  const rest = places.length - shownPlaces;
  return html`<ul class="places small">${places.slice(0, shownPlaces).map((place) => {
    const text = html`${placeText(place)}`;
    return html`<li>${
      ticks
        ? html`<label class="tick"><input type="checkbox" name="place" value="${place.key}" data-of="${key}"><span>${text}</span></label>`
        : text
    }</li>`;
  })}${rest > 0 ? html`<li class="soft">and ${count(rest)} more places</li>` : nothing}${unknown > 0 ? html`<li class="soft">${count(unknown)} of whom the place is not known</li>` : nothing}</ul>`;
}

function placeText({ site, count: number, departments }: Place): Html {
  const named = departments
    .slice(0, shownDepartments)
    .map(({ name, count: of }, at) => html`${at > 0 ? ', ' : ''}${outside(name)} ${count(of)}`);
  const more = departments.length > shownDepartments ? ', …' : '';
  if (site === null) return html`${named}${more}`;
  return html`<strong>${outside(site)} ${count(number)}</strong>${named.length === 0 ? nothing : html`: ${named}${more}`}`;
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

/** A column of the table of people; it is left out where nobody has anything in it. */
type Column = { readonly name: string; readonly of: (one: HeldPerson) => Html; readonly has: boolean };

/** People as a table; with a tick each where `key` names their group. */
export function peopleTable(customer: string, list: readonly HeldPerson[], key: string | null): Html {
  const text = (name: string, of: (one: HeldPerson) => string | null): Column => ({
    name,
    of: (one) => outside(of(one) ?? ''),
    has: list.some((one) => (of(one) ?? '') !== ''),
  });
  const all: readonly Column[] = [
    { name: 'Id', of: ({ person }) => personLink(customer, person), has: true },
    text('Department', ({ department }) => department),
    text('Site', ({ site }) => site),
    text('Last day', ({ lastDay }) => lastDay),
    text('Line of the export', ({ line, part }) =>
      line === null ? null : part === null ? String(line) : `${line} of ${part}`,
    ),
    text('What', ({ what }) => what),
    text('Why', ({ why }) => why),
  ];
  // One reason stands in the heading.
  const whys = new Set(list.map(({ why }) => why)).size > 1;
  const columns = all.filter(({ has, name }) => has && (name !== 'Why' || whys));
  return html`<table class="stack"><thead><tr>${key === null ? nothing : html`<th><span class="visually-hidden">Choose</span></th>`}<th>Name</th>${columns.map(({ name }) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${list.map((one) => {
    const { person, name, site } = one;
    const shown = name === '' ? html`<span class="soft">no name</span>` : outside(name);
    return html`<tr data-text="${`${name} ${person} ${one.department ?? ''} ${site ?? ''}`.toLowerCase()}">${
      key === null
        ? nothing
        : html`<td class="choose"><input type="checkbox" name="person" value="${person}" data-of="${key}" aria-label="${`Choose ${person}`}"></td>`
    }<th scope="row">${shown}</th>${columns.map((column) => html`<td data-label="${column.name}">${column.of(one)}</td>`)}</tr>`;
  })}</tbody></table>`;
}

/** People of a group, page by page. */
export function groupPage(options: {
  readonly run: Run;
  readonly group: HoldGroup;
  readonly page: number;
  readonly pageSize: number;
  readonly nameOf: TargetNames;
  readonly state: RunStory['hold'];
  readonly mayDecide: boolean;
  readonly viewer: Viewer;
}): Html {
  const { run, group, page, pageSize, nameOf, state, mayDecide, viewer } = options;
  const pages = Math.max(1, Math.ceil(group.people.length / pageSize));
  const list = group.people.slice((page - 1) * pageSize, page * pageSize);
  const at = (number: number, text: string): Html =>
    number < 1 || number > pages
      ? nothing
      : html`<a href="/runs/${run.id}/groups/${group.key}?page=${number}">${text}</a>`;
  const decides = mayDecide && (state === 'open' || state === 'expired');
  const table = html`<div class="field needs-script"><label for="filter">Find on this page</label><input id="filter" type="search" data-filter="#people" autocomplete="off"><span class="soft small" id="people-count" role="status">${count(list.length)} of ${count(list.length)}</span></div>
<div id="people">${peopleTable(run.customer, list, decides ? group.key : null)}</div>`;
  return html`<h1>${titleOf(group, nameOf)}</h1>
<p>${runLink(run.id, 'Back to the run')}</p>
${
  decides
    ? html`<form method="post" action="/runs/${run.id}/confirm">${csrfField(viewer)}<input type="hidden" name="hash" value="${run.hash ?? ''}">${table}
<div class="bar"><div class="row">${state === 'open' ? html`<button name="decision" value="approve">Approve ticked…</button>` : nothing}<button name="decision" value="reject">Reject ticked…</button></div></div></form>`
    : table
}
<nav class="row" aria-label="Pages of the group">${at(page - 1, 'Before')}<span>Page ${page} of ${pages}</span>${at(page + 1, 'Next')}</nav>`;
}
