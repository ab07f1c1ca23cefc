import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type ReportServer,
  reportClient,
  reportToken,
  reportUser,
  startReports,
} from '../../../sandbox/deliveries/https.ts';
import { type HttpsSource, rosterSource } from '../../../src/config/roster-source.ts';
import { formatError } from '../../../src/errors.ts';
import { deliver } from '../../../src/roster/sources/deliver.ts';
import { linkToNext } from '../../../src/roster/sources/https/pages.ts';
import { tempFolder } from '../reading.ts';
import { describeSource, exportOf } from './conformance.ts';

function sourceAt(url: string, more: object = {}): HttpsSource {
  const parsed = rosterSource.parse({ type: 'https', url, auth: { token: reportToken }, ...more });
  if (typeof parsed === 'string' || parsed.type !== 'https') throw new TypeError('not https');
  return parsed;
}

describeSource('https', async () => {
  const server = await startReports();
  return {
    source: sourceAt(`${server.url}/report.csv?key=query-secret`, { auth: reportUser }),
    refusedSource: sourceAt(`${server.url}/report.csv`, {
      auth: { user: 'someone', password: 'wr0ng-pass' },
    }),
    secrets: [reportUser.password, 'wr0ng-pass', 'query-secret', 'report.csv'],
    put: (content, modifiedAtMs) => server.put(content, modifiedAtMs),
    fail: (fault) => server.fail(fault),
    heal: () => server.heal(),
    close: () => server.close(),
  };
});

let server: ReportServer;
beforeEach(async () => {
  server = await startReports();
});
afterEach(() => server.close());

/** Fetches; the text of what came, or the error. */
async function fetched(
  source: HttpsSource,
): Promise<{ readonly text?: string; readonly isDated?: boolean; readonly error?: unknown }> {
  await using folder = await tempFolder();
  const inbox = join(folder.path, 'inbox');
  try {
    await using delivery = await deliver(
      { source, pick: 'modified' },
      { inbox, retryBaseMs: 1, settleMs: 1 },
    );
    return { text: await readFile(delivery.file.file, 'utf8'), isDated: delivery.isDated };
  } catch (error) {
    return { error };
  }
}

describe('a file over https', () => {
  test('signs in by user and password, by a token, and by client credentials either way', async () => {
    server.put(exportOf(3));
    const url = `${server.url}/report.csv`;
    const client = { tokenUrl: `${server.url}/token`, ...reportClient };
    for (const auth of [reportUser, { token: reportToken }, client])
      expect(await fetched(sourceAt(url, { auth }))).toEqual({ text: exportOf(3), isDated: false });
    server.secretInBody();
    expect((await fetched(sourceAt(url, { auth: client }))).text).toBe(exportOf(3));
    const { error } = await fetched(sourceAt(url, { auth: { ...client, clientSecret: 'n0-secret' } }));
    expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: false });
    expect(formatError(error)).toContain('refuses the client');
    expect(formatError(error)).not.toContain('n0-secret');
  });

  test('a token that ends meanwhile is renewed once', async () => {
    server.put(exportOf(3));
    const auth = { tokenUrl: `${server.url}/token`, ...reportClient };
    server.answerNext({ status: 401 });
    expect((await fetched(sourceAt(`${server.url}/report.csv`, { auth }))).text).toBe(exportOf(3));
    expect(server.tokens()).toBe(2);
  });

  test('503 and 429 with Retry-After are waited for; without it they are tried again', async () => {
    server.put(exportOf(3));
    server.answerNext(
      { status: 503, headers: { 'retry-after': '0.02' } },
      { status: 503 },
      {
        status: 429,
        headers: { 'retry-after': '0.01' },
      },
    );
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).text).toBe(exportOf(3));
    server.answerNext({ status: 503, headers: { 'retry-after': '7200' } });
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).error).toMatchObject({
      message: expect.stringContaining('HTTP 503, and it asks to wait 120 minutes'),
      passing: true,
    });
  });

  test('a delivery that never ends fails at its timeout', async () => {
    const wait = { status: 503, headers: { 'retry-after': '60' } };
    server.answerNext(wait, wait, wait);
    const { error } = await fetched(sourceAt(`${server.url}/report.csv`, { timeout: '200ms' }));
    expect(formatError(error)).toMatch(/no answer within 0\.2 s from 127\.0\.0\.1/);
  });

  test.each([
    [301, '/elsewhere', /redirects more than 5 times/],
    [302, 'https://login.example/?token=abc', /redirects to https:\/\/login\.example, and no credential/],
    [403, undefined, /HTTP 403, it refuses the credentials/],
    [404, undefined, /HTTP 404, there is nothing/],
    [500, undefined, /HTTP 500/],
    [204, undefined, /HTTP 204, an answer without a roster/],
    [418, undefined, /HTTP 418, it refuses the request/],
  ])('an answer of %i is no roster', async (status, location, words) => {
    const answer = { status, headers: location === undefined ? {} : { location } };
    server.answerNext(...Array.from({ length: 6 }, () => answer));
    const { error } = await fetched(sourceAt(`${server.url}/report.csv`));
    expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE' });
    expect(formatError(error)).toMatch(words);
    expect(formatError(error)).not.toContain('token=abc');
  });

  test('a redirect within the host is followed', async () => {
    server.put(exportOf(2));
    server.answerNext({ status: 302, headers: { location: '/report.csv?again=1' } });
    expect((await fetched(sourceAt(`${server.url}/old.csv`))).text).toBe(exportOf(2));
  });

  test('in chunks it is whole at its end, and cut before it is none', async () => {
    server.framing('chunked');
    server.put(exportOf(500));
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).text).toBe(exportOf(500));
    server.fail({ kind: 'cut', after: 0.5, times: 3 });
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).error).toMatchObject({ passing: true });
  });

  test('of which nothing says where it ends, it has to come twice the same', async () => {
    server.framing('close');
    server.put(exportOf(500));
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).text).toBe(exportOf(500));
    expect(server.requests).toHaveLength(2);
    server.fail({ kind: 'cut', after: 0.5, times: 1 });
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).error).toMatchObject({
      code: 'ROSTER_CHANGING',
    });
  });

  test('a time of this minute is when the answer was made, not when an export was', async () => {
    server.put(exportOf(2), Date.now() - 5_000);
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).isDated).toBe(false);
    server.put(exportOf(2), Date.now() - 3_600_000);
    expect((await fetched(sourceAt(`${server.url}/report.csv`))).isDated).toBe(true);
  });
});

const staff = Array.from({ length: 23 }, (_, n) => ({ id: `E${n + 1}`, nested: { n } }));
const lines = (records: readonly unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');
const total = 'metadata.total';
const ways = {
  'offset, by total': { by: 'offset', size: 5, total },
  'offset, to an empty page': { by: 'offset', size: 5 },
  'page, by total': { by: 'page', size: 5, total },
  'page, to an empty page': { by: 'page', size: 5 },
  cursor: { by: 'cursor', next: 'metadata.next', size: 5 },
  'cursor, by total': { by: 'cursor', next: 'metadata.next', size: 5, total },
  link: { by: 'link', size: 5 },
  'link, by total': { by: 'link', size: 5, total },
} as const;

const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object };

describe('a list over https', () => {
  const listSource = (pages: object): HttpsSource =>
    sourceAt(`${server.url}/people?view=all`, { format: 'json', records: 'data.people', pages });

  describe.each(Object.entries(ways))('%s', (_name, pages) => {
    test('is read to its proven end, whatever its length, and keeps what the address says', async () => {
      for (const count of [0, 1, 4, 5, 6, 10, 23]) {
        server.list(staff.slice(0, count));
        expect((await fetched(listSource(pages))).text).toBe(lines(staff.slice(0, count)));
      }
      expect(server.requests.every(({ query }) => query.get('view') === 'all')).toBe(true);
    });

    test('cut at any eighth of a page is begun again, or fails', async () => {
      for (let eighth = 0; eighth < 8; eighth++) {
        server.list(staff);
        server.fail({ kind: 'cut', after: eighth / 8, times: 1 });
        expect((await fetched(listSource(pages))).text).toBe(lines(staff));
        server.list(staff);
        server.fail({ kind: 'cut', after: eighth / 8, times: 1_000 });
        expect((await fetched(listSource(pages))).error).toMatchObject({ code: 'ROSTER_UNREACHABLE' });
        server.heal();
      }
    });
  });

  test.each(Object.entries(ways).filter(([, way]) => 'total' in way))(
    '%s: a total that changes between two pages, or that the pages do not add up to, is no list',
    async (_name, pages) => {
      server.list(staff, { wrongTotal: { from: 2, total: 24 } });
      expect((await fetched(listSource(pages))).error).toMatchObject({ code: 'ROSTER_CHANGING' });
      for (const wrong of [22, 24]) {
        server.list(staff, { wrongTotal: { from: 1, total: wrong } });
        expect((await fetched(listSource(pages))).error).toMatchObject({
          code: 'ROSTER_UNREACHABLE',
          message: expect.stringContaining(`its pages have 23 records, and it says ${wrong}`),
        });
      }
    },
  );

  test('a server that gives fewer than were asked for is read by what it gave', async () => {
    for (const pages of [ways['offset, by total'], ways['offset, to an empty page']]) {
      server.list(staff, { most: 3 });
      expect((await fetched(listSource(pages))).text).toBe(lines(staff));
    }
  });

  test('a server that does not go on is found out', async () => {
    for (const pages of [ways['offset, to an empty page'], ways['page, by total'], ways.cursor, ways.link]) {
      server.list(staff, { stuck: true });
      expect(formatError((await fetched(listSource(pages))).error)).toMatch(
        /the same as the one before|that it gave before/,
      );
    }
  });

  test('a first page that says nothing of a next one is all only where its size or a total shows it', async () => {
    for (const way of [{ by: 'cursor', next: 'metadata.nxt' }, { by: 'link' }]) {
      server.list(staff.slice(0, 5), { silentEnd: true });
      expect((await fetched(listSource(way))).error).toMatchObject({ passing: false });
      expect((await fetched(listSource({ ...way, size: 5 }))).error).toMatchObject({ passing: false });
      expect((await fetched(listSource({ ...way, size: 6 }))).text).toBe(lines(staff.slice(0, 5)));
      expect((await fetched(listSource({ ...way, total }))).text).toBe(lines(staff.slice(0, 5)));
    }
  });

  test('the next page on another host is not asked for', async () => {
    server.list(staff, { nextOn: 'https://elsewhere.example/people' });
    const { error } = await fetched(listSource(ways.link));
    expect(formatError(error)).toContain('https://elsewhere.example, and no credential');
  });

  test('a web page, and JSON without the list or the total, are errors that say what to set', async () => {
    server.list(staff);
    server.fail({ kind: 'page' });
    expect(formatError((await fetched(listSource(ways.link))).error)).toContain('a web page');
    server.heal();
    const wrong = { by: 'offset', size: 5, total: 'metadata.count' };
    expect(formatError((await fetched(listSource(wrong))).error)).toContain('no number at "metadata.count"');
    const source = { ...listSource(ways.link), records: 'people' };
    expect(formatError((await fetched(source)).error)).toContain('no list at "people"');
  });

  test('numbers stay as they were written: an id is no number to count with', async () => {
    const raw = [...'12'].map((digit) => rawJSON(`1234567890123456789${digit}`));
    server.list([{ id: raw[0] }, { id: raw[1], rate: rawJSON('1.0') }]);
    expect((await fetched(listSource(ways['offset, by total']))).text).toBe(
      '{"id":12345678901234567891}\n{"id":12345678901234567892,"rate":1.0}\n',
    );
  });
});

test('the next page of a Link header (RFC 8288)', () => {
  expect(linkToNext(null)).toBeUndefined();
  expect(linkToNext('')).toBeNull();
  expect(linkToNext('<a>; rel=prev, <b?x=1,2>; title="x; rel=next"; rel="next"')).toBe('b?x=1,2');
  expect(linkToNext('<a>; title="rel=next"; rel="prev"')).toBeNull();
  expect(linkToNext('<a>;REL="last NEXT"')).toBe('a');
});
