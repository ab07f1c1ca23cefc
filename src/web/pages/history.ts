import { changeKinds } from '../../change.ts';
import type { History } from '../../store/history.ts';
import { type Html, html } from '../html.ts';
import { barChart, lineChart } from './chart.ts';
import { count, nothing } from './parts.ts';

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
      ? 'Nobody left.'
      : `${count(leavers.people)} accounts of people who left were deactivated. From the first run that saw them leave it took ${hours(leavers.medianMs)} (median), ${hours(leavers.worstMs)} at worst.`
  }</p>
${lineChart('People on the roster', [{ name: 'rows', points: rosters.map(({ last_read_ms, rows }) => ({ atMs: last_read_ms, value: rows })) }])}
${[...byPlatform].map(([platform, of]) => {
  const read = of.filter(({ accounts }) => accounts > 0);
  const waits = of.filter(
    ({ hold_expires_ms, decided_ms }) => hold_expires_ms !== null && decided_ms !== null,
  );
  const rate = rates.get(platform);
  return html`<section><h2>${platform}</h2>
${lineChart(`Accounts on ${platform}`, [
  { name: 'accounts there', points: read.map((run) => ({ atMs: run.created_ms, value: run.accounts })) },
  { name: 'ours', points: read.map((run) => ({ atMs: run.created_ms, value: run.managed })) },
])}
${barChart(`Changes a day on ${platform}`, { names: changeKinds, days: daysOf(of) })}
<p>${
    waits.length === 0
      ? 'No hold was decided.'
      : `${count(waits.length)} holds were decided; they waited ${hours(median(waits.map((run) => (run.decided_ms ?? 0) - (run.ended_ms ?? run.created_ms))))} (median), ${hours(Math.max(...waits.map((run) => (run.decided_ms ?? 0) - (run.ended_ms ?? run.created_ms))))} at worst.`
  }</p>
${lineChart(`Minutes a run took on ${platform}`, [
  {
    name: 'minutes',
    points: of.flatMap((run) =>
      run.ended_ms === null || run.started_ms === null
        ? []
        : [{ atMs: run.created_ms, value: Math.round((run.ended_ms - run.started_ms) / 6_000) / 10 }],
    ),
  },
])}
${lineChart(
  `Requests a run made on ${platform}${rate === undefined ? '' : ` (the rate allows ${count(rate)} a minute)`}`,
  [{ name: 'requests', points: of.map((run) => ({ atMs: run.created_ms, value: run.reads + run.writes })) }],
)}</section>`;
})}`;
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

function hours(ms: number | null): string {
  if (ms === null) return '–';
  const value = ms / 3_600_000;
  if (value < 1) return `${Math.max(1, Math.round(value * 60))} minutes`;
  return `${value < 10 ? value.toFixed(1) : count(Math.round(value))} hours`;
}
