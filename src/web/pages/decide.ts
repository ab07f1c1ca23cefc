import type { HoldGroup } from '../../actions/hold-groups.ts';
import type { Run } from '../../store/run-lookups.ts';
import { type Html, html } from '../html.ts';
import { peopleTable, type TargetNames, titleOf } from './held.ts';
import { csrfField, type Viewer } from './layout.ts';
import { count, nothing, people, runLink } from './parts.ts';

/** People of a group that are spelled out before it happens. */
const shownPeople = 200;

/** What somebody is about to decide: everything that it concerns, and nothing else. */
export type DecisionView = {
  readonly run: Run;
  readonly hash: string;
  /** Null for all of it. */
  readonly only: readonly string[] | null;
  /** What is held of these people. */
  readonly groups: readonly HoldGroup[];
  /** What other platforms hold of the same people. */
  readonly others: readonly { readonly run: Run; readonly groups: readonly HoldGroup[] }[];
  readonly nameOf: TargetNames;
};

/** The last look before an approval. */
export function approvePage(view: DecisionView, viewer: Viewer): Html {
  const { run } = view;
  return html`<h1>Approve ${sizeOf(view)} on ${run.platform}?</h1>
<p>Both sides are read again first. Of this, what is still needed goes out; what is not needed any more is dropped. Whatever is new is judged anew.</p>
${groupsOf(view)}
<form method="post" action="/runs/${run.id}/approve">${csrfField(viewer)}${chosenFields(view)}${othersOf(view, 'Approve')}
<div class="bar"><div class="row"><button class="main">Approve</button> ${runLink(run.id, 'Back, nothing decided')}</div></div>
</form>`;
}

/** The form that rejects: of whom, a reason, and until when. `until` is the day that is proposed. */
export function rejectPage(view: DecisionView, until: string, viewer: Viewer): Html {
  const { run, only } = view;
  return html`<h1>Reject ${sizeOf(view)} on ${run.platform}?</h1>
<p>None of it is proposed again until the date, unless it becomes another change. The people stay as they are there.${only === null ? '' : ' Whatever else is held waits on.'} It can be taken back.</p>
${groupsOf(view)}
<form method="post" action="/runs/${run.id}/reject">${csrfField(viewer)}${chosenFields(view)}
<div class="field"><label for="reason">Why</label><textarea id="reason" name="reason" rows="3" maxlength="500" required></textarea></div>
<div class="field"><label for="until">Until</label><input id="until" name="until" type="date" value="${until}" required></div>
${othersOf(view, 'Reject')}
<div class="bar"><div class="row"><button class="main">Reject</button> ${runLink(run.id, 'Back, nothing decided')}</div></div>
</form>`;
}

function sizeOf({ groups }: DecisionView): string {
  const all = groups.reduce((sum, group) => sum + group.people.length, 0);
  const concerned = new Set(groups.flatMap((group) => group.people.map(({ person }) => person)));
  return `${count(all)} ${all === 1 ? 'change' : 'changes'} of ${people(concerned.size)}`;
}

function groupsOf({ run, groups, nameOf }: DecisionView): readonly Html[] {
  return groups.map(
    (
      group,
    ) => html`<section class="card"><h2>${titleOf(group, nameOf)}</h2><details><summary>Who<span class="visually-hidden"> of ${titleOf(group, nameOf)}</span></summary>${peopleTable(run.customer, group.people.slice(0, shownPeople), null)}
${group.people.length > shownPeople ? html`<p>And ${count(group.people.length - shownPeople)} more: <a href="/runs/${run.id}/groups/${group.key}">all of them</a>.</p>` : nothing}</details></section>`,
  );
}

function chosenFields({ hash, only }: DecisionView): Html {
  const chosen =
    only === null
      ? html`<input type="hidden" name="all" value="yes">`
      : html`<input type="hidden" name="people" value="${JSON.stringify(only)}">`;
  return html`<input type="hidden" name="hash" value="${hash}">${chosen}`;
}

function othersOf({ others }: DecisionView, verb: string): Html {
  if (others.length === 0) return nothing;
  return html`<fieldset class="card"><legend>The same people on other platforms</legend>${others.map(
    (other) =>
      html`<p><label class="tick"><input type="checkbox" name="also" value="${`${other.run.id} ${other.run.hash ?? ''}`}"><span>${verb} on ${other.run.platform} as well: ${other.groups.map((group) => html`${titleOf(group, (target) => other.run.target_names[target] ?? target)}. `)}</span></label></p>`,
  )}</fieldset>`;
}
