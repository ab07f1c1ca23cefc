import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { FaultEffect } from '../../sandbox/server.ts';
import type { RequestPacer } from '../../src/providers/contract.ts';
import { type Bench, canary, freePacer, type Harness, people, platform } from './harness.ts';
import type { Case, Open } from './harness.ts';

/** What a sandbox asks to wait, in ms: a second, or, where it names a date, which has no fractions, up to one more. */
const aSecond = [1_000, 2_000];

/** An aborted run has stopped after this. */
const promptlyMs = 250;

const html = `<html><body>Dear ${canary}, sign in to continue</body></html>`;

const wrongAnswers: readonly (readonly [string, FaultEffect, string])[] = [
  ['HTML under HTTP 200', { do: 'answer', response: { status: 200, text: html } }, 'PLATFORM_BAD_ANSWER'],
  [
    'JSON cut short',
    { do: 'answer', response: { status: 200, text: `{"${canary}": [` } },
    'PLATFORM_BAD_ANSWER',
  ],
  [
    'another shape',
    { do: 'answer', response: { status: 200, json: { [canary]: { name: canary } } } },
    'PLATFORM_BAD_ANSWER',
  ],
  ['an HTML error page', { do: 'answer', response: { status: 404, text: html } }, 'PLATFORM_REFUSED'],
  ['a server error', { do: 'answer', response: { status: 502, text: html } }, 'PLATFORM_UNAVAILABLE'],
  ['a broken connection', { do: 'drop' }, 'PLATFORM_UNAVAILABLE'],
];

/** What may come in place of the answer to a read after the write: of a job that is asked for its result, for one. */
const lateAnswers: readonly (readonly [string, FaultEffect])[] = [
  ['one request too many', { do: 'answer', response: { status: 429, text: '' } }],
  ['nothing there', { do: 'answer', response: { status: 404, text: html } }],
  ['HTML under HTTP 200', { do: 'answer', response: { status: 200, text: html } }],
  ['a broken connection', { do: 'drop' }],
];

/** A pacer that truly waits when it is told to pause, as the shared one does. */
function waitingPacer(onPause: (pauseMs: number) => void): RequestPacer {
  let pause: Promise<unknown> = Promise.resolve();
  return {
    slot: async (signal) => {
      await pause;
      signal.throwIfAborted();
    },
    limited: async ({ askedMs = 0 }) => {
      onPause(askedMs);
      pause = sleep(askedMs);
      return askedMs;
    },
    answered: () => undefined,
  };
}

/** How long the promise takes to fail once the run is aborted, in ms. */
async function abortedAfterMs(bench: Bench, promise: Promise<unknown>): Promise<number> {
  const failed = promise.then(
    () => expect.unreachable('an aborted call must fail'),
    () => performance.now(),
  );
  const startMs = performance.now();
  bench.abort();
  return (await failed) - startMs;
}

/** What goes wrong between us and the platform. */
export function describeFailures(harness: Harness, open: Open, test: Case): void {
  const { capabilities } = harness;
  const noCreate = capabilities.operations.some(({ kinds }) => kinds.includes('create'))
    ? undefined
    : (capabilities.missing.accounts ?? 'no operation for create');

  describe('sign-in', () => {
    it('succeeds, and writes nothing', async () => {
      const bench = await open();
      await bench.provider.signIn(bench.ctx);
      expect(bench.sandbox.log.length).toBeGreaterThan(0);
      expect(bench.sandbox.counts().writes).toBe(0);
    });

    it('with wrong credentials fails at once and names the setting', async () => {
      const bench = await open({ wrongSecret: `${canary}-wrong-secret` });
      for (const attempt of [() => bench.provider.signIn(bench.ctx), () => bench.readAny()]) {
        const before = bench.sandbox.log.length;
        const error = await bench.failure(attempt());
        expect(error).toMatchObject({ code: 'SIGN_IN_REFUSED', passing: false });
        const { hint } = error as { hint?: string };
        expect(
          harness.credentialKeys.filter((key) => hint?.includes(`platforms.${platform}.${key}`)),
        ).not.toEqual([]);
        expect(bench.sandbox.log.length - before).toBeLessThanOrEqual(3);
      }
    });
  });

  describe('a platform that is asked too often', () => {
    it('is left alone for as long as it says, and the read then goes on', async () => {
      const pausesMs: number[] = [];
      const pacer = waitingPacer((pauseMs) => {
        pausesMs.push(pauseMs);
        bench.sandbox.setRate(0);
      });
      const bench: Bench = await open({ deps: { pacer } });
      await bench.started.seed(people(3), true);
      await bench.readAny();
      bench.sandbox.setRate(1);
      await bench.readAny();
      expect(pausesMs).toHaveLength(1);
      expect(aSecond).toContain(pausesMs[0]);
      const refused = bench.sandbox.log.findIndex(({ status }) => status === 429);
      const [last, next] = bench.sandbox.log.slice(refused, refused + 2);
      expect((next?.atMs ?? 0) - (last?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
    });

    test('refuses a write, which is handed back to a caller that does not wait', noCreate, async () => {
      const pausesMs: number[] = [];
      const limits: RequestPacer['limited'] = async ({ askedMs = 0 }) => {
        pausesMs.push(askedMs);
        return askedMs;
      };
      // As the real one does: whoever comes while the group is paused is asked whether it waits.
      const slot: RequestPacer['slot'] = async (_signal, _sending, onPause) => {
        const [pauseMs] = pausesMs;
        if (pauseMs !== undefined) onPause?.(pauseMs);
      };
      const bench = await open({ deps: { pacer: { slot, limited: limits, answered: () => undefined } } });
      await bench.read();
      const items = await bench.items('create', people(1));
      bench.waits = false;
      bench.sandbox.setRate(1);
      const error = await bench.failure(bench.apply(items));
      const [pauseMs] = pausesMs;
      expect(error).toMatchObject({ code: 'PLATFORM_RATE_LIMITED', retryAfterMs: pauseMs, applied: 'no' });
      expect(pausesMs).toHaveLength(1);
      expect(aSecond).toContain(pauseMs);
      expect(bench.sandbox.counts().writes).toBe(1);
      bench.sandbox.setRate(0);
      pausesMs.length = 0;
      expect(await bench.read()).toEqual([]);
    });
  });

  describe('a wrong answer', () => {
    for (const [title, effect, code] of wrongAnswers) {
      it(`to a read (${title}) is ${code}`, async () => {
        const bench = await open();
        await bench.started.seed(people(3), true);
        bench.sandbox.fail({ kind: 'read', times: Number.POSITIVE_INFINITY, effect });
        expect(await bench.failure(bench.readAny())).toMatchObject({ code });
      });

      test(
        `to a write (${title}) is an error or an outcome, and the write is not sent again`,
        noCreate,
        async () => {
          const bench = await open();
          const { name, limit } = capabilities.operations.find(({ kinds }) => kinds.includes('create')) ?? {
            name: '',
            limit: 1,
          };
          const accounts = await bench.items('create', people(Math.min(2, limit)));
          bench.sandbox.fail({ kind: 'write', times: Number.POSITIVE_INFINITY, effect });
          const write = bench.write({ operation: name, accounts, repeated: false });
          const outcome = await write.catch((error: unknown) => bench.failure(Promise.reject(error)));
          if (Array.isArray(outcome)) expect(outcome).toMatchObject(accounts.map(() => ({ ok: false })));
          else if (code === 'PLATFORM_REFUSED') expect(outcome).toMatchObject({ code, applied: 'no' });
          else expect(outcome).toMatchObject({ code, applied: 'unknown' });
          expect(bench.sandbox.counts().writes).toBe(1);
        },
      );
    }

    for (const [title, effect] of lateAnswers) {
      test(
        `to a read that a sent write still needs (${title}) leaves its outcome unknown`,
        noCreate,
        async () => {
          const bench = await open();
          const items = await bench.items('create', people(1));
          bench.waits = false;
          let hasLeft = false;
          const always = { times: Number.POSITIVE_INFINITY };
          const leaves = (): boolean => {
            hasLeft = true;
            return false;
          };
          bench.sandbox.fail({ ...always, kind: 'write', when: leaves, effect: { do: 'drop' } });
          bench.sandbox.fail({ ...always, kind: 'read', when: () => hasLeft, effect });
          const outcomes = await bench.apply(items).catch((error: unknown) => {
            bench.heard.add(error);
            expect(error).toMatchObject({ applied: 'unknown' });
            return [{ ok: true }];
          });
          expect(outcomes).toMatchObject([{ ok: true }]);
          expect(hasLeft).toBe(true);
        },
      );
    }

    it('that passes soon fails no read', async () => {
      const bench = await open();
      await bench.started.seed(people(3), true);
      bench.sandbox.fail({ kind: 'read', effect: { do: 'answer', response: { status: 503, text: html } } });
      bench.sandbox.fail({ kind: 'read', effect: { do: 'drop' } });
      await bench.readAny();
      if (capabilities.accounts === 'write') expect(await bench.read()).toHaveLength(3);
    });

    test('that quotes people to a refused batch is no part of the error', noCreate, async () => {
      const bench = await open();
      const accounts = await bench.items('create', people(1));
      const json = { success: false, error: { message: html }, detail: html, message: html, errors: [html] };
      bench.sandbox.fail({ kind: 'write', effect: { do: 'answer', response: { status: 400, json } } });
      const outcomes = await bench.apply(accounts).catch((error: unknown) => {
        bench.heard.add(error);
        return [{ ok: false }];
      });
      expect(outcomes).toMatchObject([{ ok: false }]);
    });
  });

  it('takes a slot and announces itself for every request, retries and sign-in included', async () => {
    let slots = 0;
    const pacer: RequestPacer = {
      ...freePacer(),
      slot: async () => {
        slots++;
      },
    };
    const bench = await open({ deps: { pacer } });
    await bench.started.seed(people(harness.accountsOfThreePages), true);
    bench.sandbox.fail({ kind: 'read', effect: { do: 'answer', response: { status: 503, text: '' } } });
    await bench.readAny();
    if (noCreate === undefined) await bench.apply(await bench.items('create', people(1, 8_000)));
    const { auths, reads, writes } = bench.sandbox.counts();
    expect(reads).toBeGreaterThan(1);
    expect(bench.announced).toEqual({ auth: auths, read: reads, write: writes });
    expect(slots).toBe(auths + reads + writes);
  });

  describe('an aborted run', () => {
    it('stops a read that waits for an answer', async () => {
      const bench = await open();
      await bench.started.seed(people(3), true);
      bench.sandbox.fail({ kind: 'read', times: Number.POSITIVE_INFINITY, effect: { do: 'hang' } });
      const read = bench.readAny();
      read.catch(() => undefined);
      await vi.waitFor(() => expect(bench.sandbox.counts().reads).toBeGreaterThan(0));
      expect(await abortedAfterMs(bench, read)).toBeLessThan(promptlyMs);
    });

    it('stops a read that waits to try again', async () => {
      let warnings = 0;
      const log = { debug: () => undefined, warn: () => void warnings++ };
      const bench = await open({ deps: { retryBaseMs: 60_000, log } });
      await bench.started.seed(people(3), true);
      const response = { status: 503, text: '' };
      bench.sandbox.fail({
        kind: 'read',
        times: Number.POSITIVE_INFINITY,
        effect: { do: 'answer', response },
      });
      const read = bench.readAny();
      read.catch(() => undefined);
      await vi.waitFor(() => expect(warnings).toBe(1));
      expect(await abortedAfterMs(bench, read)).toBeLessThan(promptlyMs);
    });

    test('stops a write that waits for an answer', noCreate, async () => {
      const bench = await open();
      const items = await bench.items('create', people(1));
      bench.sandbox.fail({ kind: 'write', times: Number.POSITIVE_INFINITY, effect: { do: 'hang' } });
      const write = bench.apply(items);
      write.catch(() => undefined);
      await vi.waitFor(() => expect(bench.sandbox.counts().writes).toBe(1));
      expect(await abortedAfterMs(bench, write)).toBeLessThan(promptlyMs);
    });

    it('sends nothing more', async () => {
      const bench = await open();
      bench.abort();
      expect(await bench.failure(bench.readAny())).toBeInstanceOf(Error);
      expect(bench.sandbox.log).toHaveLength(0);
    });
  });
}
