import { changeKinds } from '../../change.ts';
import {
  byTrouble,
  type Condition,
  type CustomerGlance,
  type PartGlance,
  type PlatformGlance,
} from '../../actions/overview.ts';
import type { UnusableFile } from '../../config/unusable-file.ts';
import type { RunStatus } from '../../store/schema.ts';
import { type Html, html } from '../html.ts';
import {
  changes,
  changesInWords,
  count,
  nothing,
  people,
  runLink,
  type Standing,
  standing,
  time,
} from './parts.ts';

const standings: Readonly<Record<Condition, Standing>> = {
  failed: { tone: 'bad', word: 'failed' },
  held: { tone: 'wait', word: 'held' },
  expired: { tone: 'wait', word: 'hold expired' },
  withheld: { tone: 'wait', word: 'withheld' },
  late: { tone: 'bad', word: 'late' },
  partial: { tone: 'wait', word: 'some items failed' },
  waiting: { tone: 'wait', word: 'asked to wait' },
  paused: { tone: 'quiet', word: 'paused' },
  rejected: { tone: 'wait', word: 'rejected' },
  underWay: { tone: 'quiet', word: 'under way' },
  never: { tone: 'quiet', word: 'no run yet' },
  inStep: { tone: 'good', word: 'in step' },
};

/** How a run ended, as a word in a colour. */
export function statusStanding(status: RunStatus): Standing {
  const tones: Readonly<Record<RunStatus, Standing['tone']>> = {
    waiting: 'quiet',
    reading: 'quiet',
    planned: 'quiet',
    applying: 'quiet',
    unchanged: 'good',
    applied: 'good',
    held: 'wait',
    withheld: 'wait',
    partial: 'wait',
    failed: 'bad',
    cancelled: 'quiet',
  };
  return { tone: tones[status], word: status === 'unchanged' ? 'in step' : status };
}

/** What needs somebody, first; then every platform. */
export function homePage(
  customers: readonly CustomerGlance[],
  nowMs: number,
  files: readonly UnusableFile[] = [],
): Html {
  const platforms = customers.flatMap((customer) => customer.platforms);
  const several = customers.length > 1;
  const needs = [...files.map(fileNeed), ...platforms.flatMap((platform) => needsOf(platform, several))];
  const sorted = platforms.toSorted(
    (a, b) => byTrouble.indexOf(a.condition) - byTrouble.indexOf(b.condition),
  );
  return html`<h1>${needs.length === 0 ? 'Nothing needs you' : needs.length === 1 ? 'One thing needs you' : `${count(needs.length)} things need you`}</h1>
${needs.slice(0, mostNeeds)}
${needs.length > mostNeeds ? html`<p class="soft">And ${count(needs.length - mostNeeds)} more: see the table.</p>` : nothing}
<h2>Platforms</h2>
${
  several
    ? html`<div class="field needs-script"><label for="filter">Find</label>
<input id="filter" type="search" data-filter="#platforms" autocomplete="off">
<span class="soft small" id="platforms-count" role="status">${platforms.length} of ${platforms.length}</span></div>`
    : nothing
}
<table class="stack" id="platforms">
<thead><tr>${several ? html`<th>Customer</th>` : nothing}<th>Platform</th><th>How it is</th><th>Last good run</th><th>Next run</th>${sorted.some(({ strip }) => strip.length > 0) ? html`<th>Last runs</th>` : nothing}</tr></thead>
<tbody>${sorted.map((platform) => platformRow(platform, several))}</tbody>
</table>
<h2>Roster</h2>
<table class="stack">
<thead><tr>${several || customers.some(({ rosters }) => rosters.some(({ part }) => part !== '')) ? html`<th>${several ? 'Customer' : 'Part'}</th>` : nothing}<th>Age</th><th>Written</th><th>Read last</th><th class="number">Rows</th><th class="number">Rejected</th><th>Complete</th></tr></thead>
<tbody>${customers.flatMap((customer) => customer.rosters.map((part) => rosterRow(customer.customer, part, several, nowMs)))}</tbody>
</table>`;
}

/** A file that cannot be used. What is in it is not shown: the command line says it to whoever may read the file. */
function fileNeed({ file, customer, keeps, code, place, problems, sinceMs }: UnusableFile): Html {
  const line = place?.line === undefined ? '' : `, the first in line ${place.line}`;
  return html`<section class="card ${keeps ? 'wait' : 'bad'}"><h3>${customer}: its configuration cannot be used</h3>
<p>${keeps ? 'The last good one goes on.' : 'Nothing is done for this customer.'} ${code}: ${count(problems)} ${problems === 1 ? 'problem' : 'problems'}${line}, since ${time(sinceMs)}.</p>
<p class="soft"><code>rollcall check -c ${file}</code></p></section>`;
}

/** Things that need somebody that are spelled out. */
const mostNeeds = 20;

function whose({ customer, platform }: PlatformGlance, several: boolean): string {
  return several ? `${customer}, ${platform}` : platform;
}

function needsOf(platform: PlatformGlance, several: boolean): readonly Html[] {
  const { condition, newest, holds, review, launches } = platform;
  const who = whose(platform, several);
  const needs: Html[] = [];
  if (condition === 'failed' && newest !== undefined)
    needs.push(html`<section class="card bad"><h3>${who}: the last run failed</h3>
<p>${newest.reasons.map(({ message }) => html`${message} `)}</p><p>${runLink(newest.id, 'See the run')}</p></section>`);
  for (const hold of holds)
    needs.push(html`<section class="card wait"><h3>${who}: ${changesInWords(hold.held)} wait for a decision</h3>
<p class="soft">${
      platform.condition === 'expired'
        ? html`The hold expired ${time(hold.hold_expires_ms)}; a new run judges anew.`
        : html`Until ${time(hold.hold_expires_ms)}. Everything else of the run went ahead.`
    }</p>
<p>${runLink(hold.id, html`See who and why<span class="visually-hidden"> of ${who}</span>`)}</p></section>`);
  if (review > 0)
    needs.push(html`<section class="card wait"><h3>${who}: ${people(review)} cannot be matched safely</h3>
<p><a href="/review">Settle who is who<span class="visually-hidden"> on ${who}</span></a></p></section>`);
  if (launches.unknown > 0)
    needs.push(html`<section class="card bad"><h3>${who}: nobody knows whether ${count(launches.unknown)} launched ${launches.unknown === 1 ? 'training was' : 'trainings were'} sent</h3>
<p><a href="/review#launches">Look<span class="visually-hidden"> at the launches of ${who}</span></a></p></section>`);
  return needs;
}

/** What a platform does that does not do everything. */
const modeWords: ReadonlyMap<string, string> = new Map([
  ['observe', 'observes: nothing is written there'],
  ['additive', 'additive: nobody is removed'],
]);

function platformRow(platform: PlatformGlance, several: boolean): Html {
  const { condition, untilMs, row, newest, strip, rejections } = platform;
  const rejected = rejections.reduce((sum, one) => sum + Number(one.changes), 0);
  const [rejection] = rejections;
  const until = untilMs === null ? nothing : html` <span class="small">until ${time(untilMs)}</span>`;
  const paused =
    row?.paused_ms == null
      ? nothing
      : html`<br><span class="soft small">${row.paused_by === null ? nothing : `by ${row.paused_by}`}${row.pause_reason === null ? nothing : `: ${row.pause_reason}`}</span>`;
  const refused =
    rejection === undefined
      ? nothing
      : html`<br><span class="small">${runLink(rejection.run_id, `${count(rejected)} rejected`)}${rejection.until_ms === null ? nothing : html` until ${time(rejection.until_ms)}`}</span>`;
  return html`<tr data-text="${`${platform.customer} ${platform.platform} ${platform.provider} ${standings[condition].word}`.toLowerCase()}">${several ? html`<td>${platform.customer}</td>` : nothing}
<th scope="row">${platform.platform}${platform.mode === 'full' ? nothing : html` <span class="soft small">${modeWords.get(platform.mode) ?? platform.mode}</span>`}</th>
<td>${newest === undefined ? standing(standings[condition]) : runLink(newest.id, standing(standings[condition]))}${until}${paused}${refused}</td>
<td data-label="Last good run">${time(row?.last_good_ms ?? null)}</td>
<td data-label="Next run">${platform.nextMs === null ? '–' : time(platform.nextMs)}</td>${strip.length > 0 ? html`<td data-label="Last runs">${stripOf(platform)}</td>` : nothing}</tr>`;
}

const stripWidth = 6;

/** The last runs, the newest on the right: a bar each, high where something is wrong. */
function stripOf({ strip, platform }: PlatformGlance): Html {
  const runs = strip.toReversed();
  const good = runs.filter(({ status }) => statusStanding(status).tone === 'good').length;
  const heights = { good: 8, quiet: 8, wait: 14, bad: 20 } as const;
  return html`<svg viewBox="0 0 ${runs.length * stripWidth} 20" width="${runs.length * stripWidth}" height="20" role="img" aria-label="${`The last ${runs.length} runs of ${platform}: ${good} in step or applied`}">${runs.map(
    ({ status, created_ms }, at) => {
      const { tone, word } = statusStanding(status);
      const height = heights[tone];
      return html`<rect class="${tone}" x="${at * stripWidth}" y="${20 - height}" width="${stripWidth - 1}" height="${height}"><title>${word}, ${new Date(created_ms).toISOString().slice(0, 16)}Z</title></rect>`;
    },
  )}</svg>`;
}

function rosterRow(
  customer: string,
  { part, read: roster, away }: PartGlance,
  several: boolean,
  nowMs: number,
): Html {
  const whose = [several ? customer : '', part].filter((text) => text !== '').join(', ');
  const name = whose === '' ? nothing : html`<th scope="row">${whose}</th>`;
  const where = away ? html`<span class="state wait">did not come</span>` : nothing;
  if (roster === undefined)
    return html`<tr>${name}<td>not read yet ${where}</td><td></td><td></td><td></td><td></td><td></td></tr>`;
  return html`<tr>${name}<td data-label="Age">${age(nowMs - roster.modified_ms)}</td><td data-label="Written">${time(roster.modified_ms)}</td><td data-label="Read last">${time(roster.last_read_ms)}</td>
<td class="number" data-label="Rows">${count(roster.rows)}</td><td class="number" data-label="Rejected">${count(roster.rejected)}</td>
<td data-label="Complete">${away ? where : roster.complete ? 'yes' : html`<span class="state wait">no</span>`}</td></tr>`;
}

/** How old something is, in words. */
function age(ms: number): string {
  const hours = Math.floor(Math.max(0, ms) / 3_600_000);
  if (hours < 1) return 'under an hour';
  if (hours < 48) return `${hours} ${hours === 1 ? 'hour' : 'hours'}`;
  return `${count(Math.floor(hours / 24))} days`;
}

/** Kinds and numbers of a plan, for lists of runs. */
export function countsCell(counts: PlatformGlance['holds'][number]['held']): string {
  return changeKinds.flatMap((kind) => (counts[kind] > 0 ? [changes(kind, counts[kind])] : [])).join(', ');
}
