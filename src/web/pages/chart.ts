import { type Html, html } from '../html.ts';
import { count } from './parts.ts';

const width = 640;
const height = 180;
const left = 56;
const bottom = 24;

/** A value at a time. */
export type Point = { readonly atMs: number; readonly value: number };

/** A line over time: name, and its points in order. */
export type Series = { readonly name: string; readonly points: readonly Point[] };

/** A bar a day, made of parts. */
export type Bars = {
  readonly names: readonly string[];
  readonly days: readonly { readonly day: string; readonly values: readonly number[] }[];
};

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** A round number that is at least as large. */
function roundUp(value: number): number {
  if (value <= 5) return 5;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function frame(label: string, most: number, first: string, last: string, inside: readonly Html[]): Html {
  return html`<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">
<line class="axis" x1="${left}" y1="${height - bottom}" x2="${width}" y2="${height - bottom}"/>
<line class="axis" x1="${left}" y1="8" x2="${width}" y2="8"/>
<text x="${left - 6}" y="12" text-anchor="end">${count(most)}</text><text x="${left - 6}" y="${height - bottom}" text-anchor="end">0</text>
<text x="${left}" y="${height - 6}">${first}</text><text x="${width}" y="${height - 6}" text-anchor="end">${last}</text>
${inside}</svg>`;
}

/** Lines over time, the second one dashed. */
export function lineChart(title: string, series: readonly Series[]): Html {
  const points = series.flatMap((one) => one.points);
  const [firstMs, lastMs] = [Math.min(...points.map((p) => p.atMs)), Math.max(...points.map((p) => p.atMs))];
  if (points.length < 2) return html`<h2>${title}</h2><p class="soft">Too few runs yet.</p>`;
  const most = roundUp(Math.max(...points.map(({ value }) => value)));
  const x = (ms: number): string =>
    (left + ((ms - firstMs) / Math.max(1, lastMs - firstMs)) * (width - left)).toFixed(1);
  const y = (value: number): string => (8 + (1 - value / most) * (height - bottom - 8)).toFixed(1);
  const lines = series.map(
    ({ points: own }, at) =>
      html`<polyline class="${at === 0 ? 'first' : 'second'}" points="${own.map((p) => `${x(p.atMs)},${y(p.value)}`).join(' ')}"/>`,
  );
  const said = series
    .map(
      ({ name, points: own }) => `${name} ${count(own[0]?.value ?? 0)} to ${count(own.at(-1)?.value ?? 0)}`,
    )
    .join('; ');
  return html`<h2>${title}</h2>${frame(`${title}: ${said}`, most, dayOf(firstMs), dayOf(lastMs), lines)}
<p class="small soft">${series.map(({ name }, at) => (at === 0 ? `${name} (line)` : `${name} (dashed)`)).join(', ')}</p>`;
}

/** Bars a day, a colour a part. */
export function barChart(title: string, { names, days }: Bars): Html {
  const sums = days.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  if (days.length === 0) return html`<h2>${title}</h2><p class="soft">Nothing yet.</p>`;
  const most = roundUp(Math.max(...sums));
  const step = Math.min(24, (width - left) / days.length);
  const scale = (height - bottom - 8) / most;
  const bars = days.map(({ day, values }, at) => {
    let top = height - bottom;
    const parts = values.map((value, part) => {
      const tall = value * scale;
      top -= tall;
      return value === 0
        ? html``
        : html`<rect class="s${part + 1}" x="${(left + at * step).toFixed(1)}" y="${top.toFixed(1)}" width="${Math.max(1, step - 2).toFixed(1)}" height="${tall.toFixed(1)}"><title>${day}: ${count(value)} ${names[part] ?? ''}</title></rect>`;
    });
    return html`${parts}`;
  });
  const said = names
    .map((name, part) => `${name} ${count(days.reduce((sum, { values }) => sum + (values[part] ?? 0), 0))}`)
    .join(', ');
  return html`<h2>${title}</h2>${frame(`${title}: ${said}`, most, days[0]?.day ?? '', days.at(-1)?.day ?? '', bars)}
<p class="small soft">In all: ${said}</p>`;
}
