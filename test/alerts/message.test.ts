import { describe, expect, it } from 'vitest';
import { opsgenieAlert } from '../../src/alerts/channels/opsgenie.ts';
import { pagerdutyEvent } from '../../src/alerts/channels/pagerduty.ts';
import { slackMessage } from '../../src/alerts/channels/slack.ts';
import { teamsMessage } from '../../src/alerts/channels/teams.ts';
import { webhookBody } from '../../src/alerts/channels/webhook.ts';
import { factsOf, headline, messagesOf, plainText, testMessage } from '../../src/alerts/message.ts';
import { compactOutbox } from '../../src/alerts/outbox.ts';
import { openAfter, transition } from '../../src/alerts/state.ts';
import { formatSpan, truncate } from '../../src/alerts/text.ts';
import { dayMs, everything, hourMs, lifeOf, sampleCondition, startMs } from './channels/sample.ts';

describe('messagesOf', () => {
  it('says what happened, since when, what was not done, and the exact next step', () => {
    const { begin } = lifeOf(sampleCondition());
    expect(headline(begin)).toBe('[warning] acme/academy: Changes are held for a decision');
    expect(plainText(begin).split('\n')).toEqual([
      '61 deactivations would pass the limit of 50 in 24 hours.',
      '',
      'Since: 2026-03-02 02:00:07 UTC',
      'Not done: 61 people keep their accounts until someone decides.',
      'Next step: rollcall show r-20260302-0200',
      'Customer: acme',
      'Platform: academy',
      'Run: r-20260302-0200',
      'deactivate: 61',
      'limit: 50',
      'Code: RUN_HELD',
      'Runbook: docs/runbook.md#RUN_HELD',
      '',
    ]);
  });

  it('says that a state lasts, and when it is over', () => {
    const { begin, reminder, end } = lifeOf(sampleCondition());
    expect(headline(reminder)).toBe('[warning] acme/academy: Still: Changes are held for a decision');
    expect(factsOf(reminder)[0]).toEqual(['Since', '2026-03-02 02:00:07 UTC (1d)']);
    expect(headline(end)).toBe('[warning] acme/academy: Over: Changes are held for a decision');
    expect(factsOf(end)[0]).toEqual([
      'Since',
      '2026-03-02 02:00:07 UTC, over at 2026-03-04 02:00:07 UTC (lasted 2d)',
    ]);
    expect(end.nextStep).toBeNull();
    expect(end.notDone).toBeNull();
    expect(new Set([begin.key, reminder.key, end.key]).size).toBe(1);
    expect(new Set([begin.id, reminder.id, end.id]).size).toBe(3);
  });

  it('names a customer-wide state without a platform', () => {
    const { begin } = lifeOf(sampleCondition({ kind: 'STORE_UNREACHABLE', platform: null }));
    expect(headline(begin)).toBe('[critical] acme: The database is out of reach');
  });

  it('names new items, and counts the rest', () => {
    const failing = (count: number) =>
      sampleCondition({
        kind: 'ITEMS_FAILING',
        items: Array.from({ length: count }, (_, index) => String(10_000 + index)),
      });
    const first = transition([], { conditions: [failing(2)], scope: everything }, startMs, dayMs);
    const second = transition(
      openAfter(first),
      { conditions: [failing(15)], scope: everything },
      startMs + hourMs,
      dayMs,
    );
    const [news] = messagesOf(second);
    expect(news?.event).toBe('news');
    expect(news?.details['new']).toBe(
      '10002, 10003, 10004, 10005, 10006, 10007, 10008, 10009, 10010, 10011 and 3 more',
    );
  });

  it('sends endings before beginnings', () => {
    const held = transition([], { conditions: [sampleCondition()], scope: everything }, startMs, dayMs);
    const next = transition(
      openAfter(held),
      { conditions: [sampleCondition({ kind: 'RUN_FAILED' })], scope: everything },
      startMs + 1,
      dayMs,
    );
    expect(messagesOf(next).map((message) => [message.event, message.kind])).toEqual([
      ['end', 'RUN_HELD'],
      ['begin', 'RUN_FAILED'],
    ]);
  });

  it('links to the runbook that it is given', () => {
    const begun = transition([], { conditions: [sampleCondition()], scope: everything }, startMs, dayMs);
    const [message] = messagesOf(begun, { runbook: 'https://wiki.example/rollcall' });
    expect(message?.runbook).toBe('https://wiki.example/rollcall#RUN_HELD');
    if (message === undefined) throw new Error('no message');
    expect(pagerdutyEvent(message, 'k')['links']).toEqual([
      { href: 'https://wiki.example/rollcall#RUN_HELD', text: 'Runbook' },
    ]);
  });
});

describe('the page that decides', () => {
  it('is named by every message, once it is known under which address browsers reach it', () => {
    const linkOf = (condition: Parameters<typeof sampleCondition>[0], publicUrl?: string) => {
      const begun = transition(
        [],
        { conditions: [sampleCondition(condition)], scope: everything },
        startMs,
        dayMs,
      );
      const [message] = messagesOf(begun, { publicUrl });
      if (message === undefined) throw new Error('no message');
      expect(plainText(message).includes('\nPage: ')).toBe(publicUrl !== undefined);
      return message.page;
    };
    const base = 'https://rollcall.example.com';
    expect(linkOf({})).toBeNull();
    expect(linkOf({}, base)).toBe(`${base}/runs/r-20260302-0200`);
    expect(linkOf({}, `${base}/sub/`)).toBe(`${base}/sub/runs/r-20260302-0200`);
    expect(linkOf({ kind: 'PEOPLE_IN_REVIEW' }, base)).toBe(`${base}/review`);
    expect(linkOf({ kind: 'LAUNCH_UNKNOWN' }, base)).toBe(`${base}/review#launches`);
    const { runId: _, ...late } = sampleCondition({ kind: 'ROSTER_LATE' });
    const begun = transition([], { conditions: [late], scope: everything }, startMs, dayMs);
    expect(messagesOf(begun, { publicUrl: base })[0]?.page).toBe(`${base}/`);
  });

  it('is the first link of an incident', () => {
    const begun = transition([], { conditions: [sampleCondition()], scope: everything }, startMs, dayMs);
    const [message] = messagesOf(begun, { publicUrl: 'https://rollcall.example.com' });
    if (message === undefined) throw new Error('no message');
    expect(pagerdutyEvent(message, 'k')['links']).toEqual([
      { href: 'https://rollcall.example.com/runs/r-20260302-0200', text: 'See and decide' },
    ]);
  });
});

describe('no personal data', () => {
  const canary = 'zoe.okafor+canary@example.com';
  const hostile = sampleCondition({
    kind: 'ITEMS_FAILING',
    subject: canary,
    runId: canary,
    summary: `PUT /users/${canary} failed: "Zoë" <${canary}>`,
    notDone: `mailto:${canary}, /users/${encodeURIComponent(canary)}/groups?m=${encodeURIComponent(canary).toLowerCase()}; ZOE.OKAFOR+CANARY@EXAMPLE.COM`,
    nextStep: `rollcall explain ${canary}`,
    details: { [canary]: canary, 'last\nanswer': `a\r\nb ${canary}` },
    items: [canary],
  });

  it('lets no email address through, in any event, on any channel', () => {
    const { begin, reminder, end } = lifeOf(hostile);
    const open = openAfter(transition([], { conditions: [hostile], scope: everything }, startMs, dayMs));
    const more = { ...hostile, items: [canary, `second-${canary}`] };
    const [news] = messagesOf(
      transition(open, { conditions: [more], scope: everything }, startMs + 1, dayMs),
    );
    if (news === undefined) throw new Error('no news');
    for (const message of [begin, reminder, end, news]) {
      const sent = [
        message,
        headline(message),
        plainText(message),
        pagerdutyEvent(message, 'r'),
        opsgenieAlert(message),
        slackMessage(message),
        teamsMessage(message),
        webhookBody(message),
      ];
      for (const each of sent) expect(JSON.stringify(each)).not.toMatch(/@|%40|okafor/i);
      expect(message.summary).toContain('[address]');
    }
  });

  it('keeps every text on one line', () => {
    const { begin } = lifeOf(hostile);
    expect(Object.keys(begin.details)).toContain('last answer');
    expect(JSON.stringify(begin)).not.toMatch(/\\[nr]/);
  });
});

describe('compactOutbox', () => {
  const { begin, reminder, end } = lifeOf(sampleCondition());
  const other = lifeOf(sampleCondition({ platform: 'awareness' })).begin;

  it('sends for each channel only the newest message of an alert, so that no beginning follows an ending', () => {
    const pending = [
      { message: end, channels: [0] },
      { message: begin, channels: [0, 1] },
      { message: other, channels: [0] },
      { message: reminder, channels: [0] },
    ];
    const { send, superseded } = compactOutbox(pending);
    expect(send.map(({ entry, channels }) => [entry.message.id, channels])).toEqual([
      [begin.id, [1]],
      [other.id, [0]],
      [end.id, [0]],
    ]);
    expect(superseded.map((entry) => entry.message.id)).toEqual([reminder.id]);
  });
});

describe('text', () => {
  it.each([
    [0, '0s'],
    [59_000, '59s'],
    [12 * 60_000, '12m'],
    [3 * hourMs, '3h'],
    [3 * hourMs + 5 * 60_000, '3h 5m'],
    [2 * dayMs + 4 * hourMs, '2d 4h'],
    [-5, '0s'],
  ])('%d ms is %s', (spanMs, words) => expect(formatSpan(spanMs)).toBe(words));

  it('cuts between characters', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef');
    expect(truncate('abcdefg', 6)).toBe('abcde…');
    expect(truncate('abcd🙂efg', 6)).toBe('abcd…');
  });
});

describe('testMessage', () => {
  it('has a key of its own each time, so that every test rings', () => {
    expect(testMessage('acme', 1).key).not.toBe(testMessage('acme', 2).key);
  });
});
