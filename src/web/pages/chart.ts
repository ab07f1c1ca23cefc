import { type Html, html } from '../html.ts';
import { count, nothing } from './parts.ts';

const width = 640;
const height = 180;
const left = 56;
const bottom = 24;
const dayMs = 24 * 3_600_000;

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
  if (series.every((one) => one.points.length < 2))
    return html`<div><h3>${title}</h3><p class="soft">Too few runs yet.</p></div>`;
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
  const names = series.map(({ name }, at) => (at === 0 ? `${name} (line)` : `${name} (dashed)`)).join(', ');
  return html`<div><h3>${title}</h3>${frame(`${title}: ${said}`, most, dayOf(firstMs), dayOf(lastMs), lines)}
<p class="small soft">${names}</p></div>`;
}

/** Days between the first and the last one, both included. */
function daysBetween(first: string, last: string): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / dayMs) + 1;
}

/** How numbers are written, and whether the parts and their sums are named below. */
type BarWords = { readonly total?: (sum: number) => string; readonly key?: boolean };

/** Bars a day, a colour a part; a day without any has none. */
export function barChart(
  title: string,
  { names, days }: Bars,
  { total = count, key = true }: BarWords = {},
): Html {
  const sums = days.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  if (days.length === 0) return html`<div><h3>${title}</h3><p class="soft">Nothing yet.</p></div>`;
  const most = roundUp(Math.max(...sums));
  const first = days[0]?.day ?? '';
  const span = daysBetween(first, days.at(-1)?.day ?? '');
  const step = Math.min(24, (width - left) / span);
  const scale = (height - bottom - 8) / most;
  const bars = days.map(({ day, values }) => {
    const x = left + (daysBetween(first, day) - 1) * step;
    let top = height - bottom;
    const parts = values.map((value, part) => {
      const tall = value * scale;
      top -= tall;
      return value === 0
        ? html``
        : html`<rect class="s${part + 1}" x="${x.toFixed(1)}" y="${top.toFixed(1)}" width="${Math.max(1, step - 2).toFixed(1)}" height="${tall.toFixed(1)}"><title>${day}: ${total(value)} ${names[part] ?? ''}</title></rect>`;
    });
    return html`${parts}`;
  });
  const parts = names.flatMap((name, part) => {
    const sum = days.reduce((all, { values }) => all + (values[part] ?? 0), 0);
    return sum === 0 ? [] : [{ name, part, text: total(sum) }];
  });
  const said = parts.map(({ name, text }) => `${name} ${text}`).join(', ');
  const last = days.length < 2 && step * span < width / 2 ? '' : (days.at(-1)?.day ?? '');
  return html`<div><h3>${title}</h3>${frame(`${title}: ${said === '' ? 'none' : said}`, most, first, last, bars)}
${key ? html`<p class="small soft">In all: ${parts.length === 0 ? 'none' : parts.map(({ name, part, text }) => html`<span class="key"><svg class="swatch" width="12" height="12" aria-hidden="true"><rect class="s${part + 1}" width="12" height="12"/></svg> ${name} ${text}</span>`)}</p>` : nothing}</div>`;
}
