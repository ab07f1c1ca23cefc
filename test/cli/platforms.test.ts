import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { csvLine } from '../../src/csv.ts';
import type { PlatformCheck } from '../../src/actions/check-platform.ts';
import { people, person } from '../support/company.ts';
import { names, openFive } from '../support/five.ts';

const timeoutMs = 180_000;

describe('csv', () => {
  it('makes cells harmless that a spreadsheet would run, and quotes by RFC 4180', () => {
    const cells = [
      '=1+1',
      '+1',
      '-1',
      '@a',
      '\tx',
      '\rx',
      'a,b',
      'say "hi"',
      'two\nlines',
      'plain',
      -3,
      null,
      true,
    ];
    expect(csvLine(cells)).toBe(
      `'=1+1,'+1,'-1,'@a,'\tx,"'\rx","a,b","say ""hi""","two\nlines",plain,-3,,true\r\n`,
    );
  });
});

describe('check, targets and accounts', () => {
  it('tell what is there and what is wrong', { timeout: timeoutMs }, async () => {
    const rows = [...people(8), person(9, { status: 'Sabbatical' })];
    await using five = await openFive({
      backend: 'embedded',
      rows,
      only: ['academy', 'awareness', 'phishing', 'library'],
    });
    five.sparkwise.add({ firstName: 'Made', lastName: 'By Hand', remoteId: 'X-1' });
    const stranger = five.outthink.scim.add({
      userName: 'X-2',
      email: 'x2@example.com',
      givenName: 'X',
      familyName: 'Two',
    });
    five.outthink.campaigns.get('campaign-fraud')?.members.set(stranger.id, 'notStarted');
    const [fraud, harbour] = five.blocks.awareness['enrollments'] as readonly object[];
    await five.configure({
      roster: { maxRejected: '20%' },
      config: {
        platforms: {
          academy: { ...five.blocks.academy, limits: { deactivate: { count: 2 } } },
          awareness: {
            ...five.blocks.awareness,
            enrollments: [fraud, { ...harbour, target: 'Harbor safety' }],
          },
          library: { ...five.blocks.library, baseUrl: 'http://192.0.2.1/scim/v2', timeout: '1s' },
        },
      },
    });
    const check = await five.rollcall('check', 'academy', 'awareness', '--json');
    expect(check.exit).toBe(1);
    const { roster, platforms } = check.json as {
      roster: Record<string, unknown>;
      platforms: PlatformCheck[];
    };
    expect(roster).toMatchObject({
      people: 8,
      rejected: 1,
      states: { active: 8 },
      statuses: [{ value: 'Active', people: 8 }],
      rejectedRows: [{ id: '010009', line: 10, code: 'STATUS_UNKNOWN' }],
    });
    expect(platforms[0]).toMatchObject({ ok: true, missing: { enrollments: expect.any(String) } });
    expect(platforms[0]?.warnings).toEqual([expect.stringContaining('floor of 3')]);
    expect(platforms[1]?.trials).toEqual([
      { what: 'sign-in', ok: true, detail: expect.any(String) },
      { what: `target ${names.fraud}`, ok: true, detail: names.fraud },
      { what: 'target Harbor safety', ok: false, detail: expect.stringContaining(names.harbour) },
    ]);

    await five.configure({
      config: { platforms: { academy: five.blocks.academy, awareness: five.blocks.awareness } },
    });
    const again = await five.rollcall('check', 'awareness');
    expect(again.exit).toBe(0);
    expect(again.out).toContain('line 10');
    expect(again.out).toMatch(/Payment fraud has 1 members whom nobody on the roster explains/);

    const listed = await five.rollcall('targets', 'awareness');
    expect(listed.exit).toBe(0);
    expect(parse(listed.out)).toEqual({
      enrollments: expect.arrayContaining([
        { target: 'campaign-fraud', when: 'person.state == "active"' },
        { target: 'campaign-harbour', when: 'person.state == "active"' },
      ]),
    });
    const unmanaged = await five.rollcall('accounts', '--unmanaged', '--json');
    expect(unmanaged).toMatchObject({
      exit: 0,
      json: {
        platforms: [
          {
            platform: 'academy',
            total: 1,
            unmanaged: [{ externalId: 'X-1', name: 'Made By Hand', active: true }],
          },
          { platform: 'awareness', total: 1, unmanaged: [{ externalId: 'X-2' }] },
        ],
      },
    });
    expect((await five.rollcall('accounts')).exit).toBe(2);
    expect((await five.rollcall('results', '--status', 'done')).exit).toBe(2);
  });

  it('warns of an address without TLS', { timeout: timeoutMs }, async () => {
    await using five = await openFive({ backend: 'embedded', rows: people(2), only: ['academy'] });
    const academy = { ...five.blocks.academy, baseUrl: 'http://192.0.2.1', timeout: '100ms' };
    await five.configure({ config: { platforms: { academy } } });
    const check = await five.rollcall('check', '--json');
    expect(check.exit).toBe(1);
    const [first] = (check.json as { platforms: PlatformCheck[] }).platforms;
    expect(first?.warnings).toEqual([expect.stringContaining('baseUrl is http://')]);
  });
});
