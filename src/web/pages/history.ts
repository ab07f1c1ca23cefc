import { changeKinds } from '../../change.ts';
import type { History } from '../../store/history.ts';
import { type Html, html } from '../html.ts';
import { barChart, lineChart, type Series } from './chart.ts';
import { count, nothing, share } from './parts.ts';

/** What the page of a customer's history shows. */
export type HistoryView = {
  readonly customers: readonly string[];
  readonly customer: string;
  readonly days: number;
  readonly history: History;
  /** Requests a minute that each platform's rate allows. */
  readonly rates: ReadonlyMap<string, number>;
};

/** The last months as pictures; each says in words what it shows. */
export function historyPage({ customers, customer, days, history, rates }: HistoryView): Html {
  const { runs, rosters, leavers } = history;
  const byPlatform = Map.groupBy(runs, ({ platform }) => platform);
  return html`<h1>History</h1>
<p class="soft">The last ${days} days of ${customer}.</p>
${
  customers.length < 2
    ? nothing
    : html`<form method="get" action="/history" class="row"><label for="customer">Customer</label><select id="customer" name="customer">${customers.map((one) => html`<option${one === customer ? html` selected` : nothing}>${one}</option>`)}</select><button>Show</button></form>`
}
<h2>Leavers</h2>
<p>${
    leavers.people === 0
      ? 'Nobody who left was deactivated.'
      : `${count(leavers.people)} ${leavers.people === 1 ? 'account of somebody' : 'accounts of people'} who left ${leavers.people === 1 ? 'was' : 'were'} deactivated. From the first run that saw them leave it took ${duration(leavers.medianMs)} (median), ${duration(leavers.worstMs)} at worst.`
  }</p>
<div class="charts">${lineChart('People on the roster', rosterSeries(rosters))}</div>
${[...byPlatform].map(([platform, of]) => platformSection(platform, of, rates.get(platform)))}`;
}

/** A line for each part of the roster. */
function rosterSeries(rosters: History['rosters']): readonly Series[] {
  return [...Map.groupBy(rosters, ({ part }) => part)].map(([part, of]) => ({
    name: part === '' ? 'rows' : part,
    points: of.map(({ last_read_ms, rows }) => ({ atMs: last_read_ms, value: rows })),
  }));
}

function platformSection(platform: string, of: History['runs'], rate: number | undefined): Html {
  const read = of.filter(({ accounts }) => accounts > 0);
  const requests = of.map((run) => ({ atMs: run.created_ms, value: run.reads + run.writes }));
  return html`<section><h2>${platform}</h2><div class="charts">
${lineChart(`Accounts on ${platform}`, [
  { name: 'accounts there', points: read.map((run) => ({ atMs: run.created_ms, value: run.accounts })) },
  { name: 'ours', points: read.map((run) => ({ atMs: run.created_ms, value: run.managed })) },
])}
${barChart(`Changes a day on ${platform}`, { names: changeKinds, days: daysOf(of) })}
${holdsOf(platform, of)}
${lineChart(`Minutes a run took on ${platform}`, [
  {
    name: 'minutes',
    points: of.flatMap((run) => {
      const took = minutesOf(run);
      return took === null ? [] : [{ atMs: run.created_ms, value: Math.round(took * 10) / 10 }];
    }),
  },
])}
<div>${lineChart(`Requests a run made on ${platform}`, [{ name: 'requests', points: requests }])}
${rate === undefined ? nothing : html`<p class="small">${busiest(of, rate)}</p>`}</div></div></section>`;
}

/** How close the busiest run came to what the rate allows. */
function busiest(runs: History['runs'], rate: number): string {
  const aMinute = runs.map((run) => (run.reads + run.writes) / Math.max(1, minutesOf(run) ?? 1));
  const most = Math.max(0, ...aMinute);
  return `The busiest run made ${count(Math.round(most))} requests a minute; the rate allows ${count(rate)} (${share(most, rate) || '0 %'}).`;
}

function minutesOf({ started_ms, ended_ms }: History['runs'][number]): number | null {
  return started_ms === null || ended_ms === null ? null : (ended_ms - started_ms) / 60_000;
}

/** Holds, and how long each waited until somebody decided. */
function holdsOf(platform: string, runs: History['runs']): Html {
  const holds = runs.filter(({ hold_expires_ms }) => hold_expires_ms !== null);
  if (holds.length === 0) return html`<div><h3>Holds on ${platform}</h3><p>None.</p></div>`;
  const waited = (run: History['runs'][number]): number =>
    Math.max(0, (run.decided_ms ?? 0) - (run.ended_ms ?? run.created_ms));
  const decided = holds.filter(({ decided_ms }) => decided_ms !== null);
  const days = Map.groupBy(decided, ({ created_ms }) => new Date(created_ms).toISOString().slice(0, 10));
  const chart = barChart(
    `Hours that holds waited on ${platform}`,
    {
      names: ['waited'],
      days: [...days].map(([day, of]) => ({ day, values: [Math.max(...of.map(waited)) / 3_600_000] })),
    },
    { total: (hours) => duration(hours * 3_600_000), key: false },
  );
  const times = decided.map(waited);
  const said =
    decided.length === 0
      ? 'none was decided'
      : `${count(decided.length)} ${decided.length === 1 ? 'was' : 'were'} decided, after ${duration(median(times))} (median), ${duration(Math.max(...times))} at worst`;
  return html`<div>${decided.length === 0 ? html`<h3>Holds on ${platform}</h3>` : chart}<p class="small">${count(holds.length)} ${holds.length === 1 ? 'run' : 'runs'} held something; ${said}.</p></div>`;
}

function daysOf(runs: History['runs']) {
  const days = Map.groupBy(runs, ({ created_ms }) => new Date(created_ms).toISOString().slice(0, 10));
  return [...days].map(([day, of]) => ({
    day,
    values: changeKinds.map((kind) => of.reduce((sum, { applied }) => sum + applied[kind], 0)),
  }));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function duration(ms: number | null): string {
  if (ms === null) return '–';
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes < 60) return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  const hours = ms / 3_600_000;
  return `${hours < 10 ? hours.toFixed(1) : count(Math.round(hours))} hours`;
}
