import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgressBar, secondsLeft } from '../../src/cli/progress-bar.ts';
import type { Progress } from '../../src/jobs/progress.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';

describe('the progress bar', () => {
  const bar = (enabled: boolean) => {
    const out = new PassThrough();
    let nowMs = 0;
    const drawn = createProgressBar(out, enabled, () => nowMs);
    return {
      show: (atMs: number, progress: Progress): string => {
        nowMs = atMs;
        drawn.show('academy', progress);
        return String(out.read() ?? '');
      },
    };
  };

  it('says what is done, of how many, and how long it takes yet', () => {
    const { show } = bar(true);
    const apply = (done: number, leastMs: number): Progress => ({
      phase: 'apply',
      done,
      total: 1_000,
      leastMs,
    });
    expect(show(0, apply(0, 10_000))).toContain(
      'academy: applying ░░░░░░░░░░░░░░░░░░░░░░░░ 0/1,000, 10 s left',
    );
    expect(show(4_000, apply(250, 5_000))).toContain('██████░░░░░░░░░░░░░░░░░░ 250/1,000, 12 s left');
    expect(show(8_000, apply(500, 9_000))).toContain('500/1,000, 9 s left');
    // The pace of the last seconds, not that of a minute ago.
    expect(show(50_000, apply(510, 0))).toContain('510/1,000');
    expect(show(66_000, apply(610, 0))).toContain('610/1,000, 63 s left');
  });

  it('redraws ten times a second at most, and the last one always', () => {
    const { show } = bar(true);
    const read = (done: number): Progress => ({ phase: 'roster', done, total: 300 });
    expect(show(0, read(0))).not.toBe('');
    expect(show(50, read(100))).toBe('');
    expect(show(99, read(300))).not.toBe('');
  });

  it('says a line every 15 seconds where nobody watches, and none of work that is soon done', () => {
    const { show } = bar(false);
    const read = (done: number): Progress => ({ phase: 'accounts', done, total: 9_000 });
    expect(show(0, read(0))).toBe('');
    expect(show(14_000, read(1_400))).toBe('');
    expect(show(15_000, read(1_500))).toBe('academy: reading accounts 1,500/9,000, 75 s left\n');
    expect(show(16_000, read(1_600))).toBe('');
    expect(show(30_000, read(3_000))).toBe('academy: reading accounts 3,000/9,000, 60 s left\n');
  });
});

describe('the time that is left', () => {
  it('is within 20 % while 120 requests go out at 20 a second', async () => {
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: people(600),
      rate: 20,
      platform: { batch: 5 },
    });
    const { engine } = await company.opened();
    await engine.start();
    const seen: { atMs: number; progress: Progress }[] = [];
    const job = await engine.request({
      customer: 'harbour',
      platform: platformName,
      trigger: 'command',
      actor: 'test',
    });
    await engine.result(job, {
      signal: AbortSignal.timeout(60_000),
      onProgress: (progress) => {
        if (progress.phase === 'apply') seen.push({ atMs: performance.now(), progress });
      },
    });
    const endMs = performance.now();
    const [first] = seen;
    if (first === undefined) throw new Error('no progress');
    const since = { atMs: first.atMs, done: first.progress.done };
    const errors = seen.flatMap(({ atMs, progress }) => {
      const seconds = secondsLeft(progress, since, atMs);
      const trueSeconds = (endMs - atMs) / 1_000;
      // A second more or less is no error of a run this short: it winds up too. Of its last two seconds it would be half.
      if (seconds === null || trueSeconds < 2) return [];
      return [Math.max(0, Math.abs(seconds - trueSeconds) - 1) / trueSeconds];
    });
    expect(errors.length).toBeGreaterThan(5);
    expect(Math.max(...errors)).toBeLessThan(0.2);
  });
});

describe('how long applying takes', () => {
  it('stands under the plan: the requests that it needs, by the rate; held changes are not in it', async () => {
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: people(95),
      rate: 2,
      platform: { batch: 10 },
    });
    expect((await company.rollcall('plan')).out).toMatch(
      /^ {2}takes {4}5s or more: 10 write requests at 2\/s$/m,
    );
    await company.configure({ platform: { mode: 'observe' } });
    expect((await company.rollcall('plan')).out).toMatch(
      /^ {2}takes {4}5s or more, once it does not only observe: 10 write requests at 2\/s$/m,
    );
    await company.export([]);
    expect((await company.rollcall('plan')).out).not.toMatch(/takes/);
  });
});
