import { readdirSync, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeliveryFault } from '../../../sandbox/deliveries/stage.ts';
import type { RemoteSourceConfig } from '../../../src/config/roster-source.ts';
import { formatError } from '../../../src/errors.ts';
import { DeliveryError, readRoster } from '../../../src/roster/index.ts';
import { readFrom, rosterConfig, tempFolder } from '../reading.ts';

/** A source and the server behind it, on loopback. */
export type Stage = {
  readonly source: RemoteSourceConfig;
  /** The same with a credential that the server refuses. */
  readonly refusedSource: RemoteSourceConfig;
  /** What must appear in no message. */
  readonly secrets: readonly string[];
  /** Puts the export there, in place of what was. */
  readonly put: (content: string, modifiedAtMs: number) => Promise<void> | void;
  readonly fail: (fault: DeliveryFault) => Promise<void> | void;
  readonly heal: () => Promise<void> | void;
  readonly close: () => Promise<void>;
};

/** An export of so many people: long enough to be cut in more than one place. */
export function exportOf(count: number): string {
  const rows = Array.from(
    { length: count },
    (_, n) => `E${n + 1},p${n + 1}@harbour.example,Person ${n + 1},Finance,Active`,
  );
  return `id,email,first,department,status\n${rows.join('\n')}\n`;
}

const yesterdayMs = Date.parse('2026-11-24T01:00:00Z');

/** What every source has to do, whatever it is. */
export function describeSource(name: string, open: () => Promise<Stage>): void {
  describe(`${name}: a delivery`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await open();
    }, 30_000);
    afterAll(async () => {
      await stage?.close();
    });

    /** Reads it; `people` is null when it failed, and `delivered` whoever was delivered before that. */
    async function read(source: RemoteSourceConfig = stage.source) {
      await using folder = await tempFolder();
      const inbox = join(folder.path, 'inbox');
      const delivery = { inbox, retryBaseMs: 1, settleMs: 1 };
      let delivered = 0;
      let error: unknown;
      const outcome = await readFrom('unused', { source }, { delivery, onPerson: () => delivered++ }).catch(
        (cause: unknown) => {
          error = cause;
        },
      );
      const left = await readdir(inbox).catch(() => []);
      return { outcome, error, delivered, left };
    }

    async function expectGood(count: number): Promise<void> {
      const { outcome, error } = await read();
      expect(error).toBeUndefined();
      expect(outcome?.people).toHaveLength(count);
      expect(outcome?.proof.complete).toBe(true);
    }

    test('comes whole, into a private file that goes again, and bears the time of the export', async () => {
      const text = exportOf(300);
      await stage.put(text, yesterdayMs);
      await using folder = await tempFolder();
      const inbox = join(folder.path, 'inbox');
      let mode: number | undefined;
      const proof = await readRoster({
        config: rosterConfig({ source: stage.source }),
        baseline: { maxPeople: null, maxPerShrinkValue: {}, endsInLine: null },
        rules: { stateOf: () => 'active' },
        nowMs: Date.now(),
        today: '2026-11-25',
        lastExpectedMs: () => 0,
        delivery: { inbox, settleMs: 1 },
        onPerson: () => undefined,
        onRetract: () => undefined,
        onRejected: () => undefined,
        // While it is read, the private file is there.
        onProgress: () => {
          const [file = ''] = readdirSync(inbox);
          mode = statSync(join(inbox, file)).mode & 0o777;
        },
      });
      expect(proof).toMatchObject({
        rows: 300,
        complete: true,
        sizeBytes: Buffer.byteLength(text),
        modifiedAtMs: yesterdayMs,
        isDated: true,
      });
      expect(proof.file).toMatch(new RegExp(`^${stage.source.type}://127\\.0\\.0\\.1`));
      expect((await stat(inbox)).mode & 0o777).toBe(0o700);
      expect(mode).toBe(0o600);
      expect(await readdir(inbox)).toEqual([]);
    });

    test.each([0, 1, 2, 3, 4, 5, 6, 7])(
      'cut off after %i eighths is read by nobody, and the next one applies',
      async (eighth) => {
        await stage.put(exportOf(400), yesterdayMs);
        await stage.fail({ kind: 'cut', after: eighth / 8, times: Number.POSITIVE_INFINITY });
        const { error, delivered, left } = await read();
        expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: true });
        expect(formatError(error)).toContain('127.0.0.1');
        expect({ delivered, left }).toEqual({ delivered: 0, left: [] });
        await stage.heal();
        await expectGood(400);
      },
    );

    test('cut off once is fetched again from its beginning', async () => {
      await stage.put(exportOf(250), yesterdayMs);
      await stage.fail({ kind: 'cut', after: 0.6, times: 1 });
      await expectGood(250);
      await stage.heal();
    });

    test('refused credentials are one error, which tries nothing again and tells no secret', async () => {
      await stage.put(exportOf(3), yesterdayMs);
      const { error, delivered, left } = await read(stage.refusedSource);
      expect(error).toBeInstanceOf(DeliveryError);
      expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: false });
      for (const secret of stage.secrets) expect(formatError(error)).not.toContain(secret);
      expect({ delivered, left }).toEqual({ delivered: 0, left: [] });
    });

    test('one that is replaced while it is fetched is never half the one and half the other', async () => {
      await stage.put(exportOf(200), yesterdayMs);
      await stage.fail({ kind: 'change', to: exportOf(120) });
      const { outcome, error } = await read();
      // All of one of them, or none.
      if (error === undefined) expect([200, 120]).toContain(outcome?.people.length);
      else expect(error).toMatchObject({ code: 'ROSTER_CHANGING' });
      await stage.heal();
      await expectGood(120);
    });

    test('the same one twice is the same export', async () => {
      await stage.put(exportOf(20), yesterdayMs);
      const [first, second] = [await read(), await read()];
      expect(second.outcome?.proof.fingerprint).toBe(first.outcome?.proof.fingerprint);
      expect(second.outcome?.proof.modifiedAtMs).toBe(first.outcome?.proof.modifiedAtMs);
    });

    test('an empty one is an error that says so', async () => {
      await stage.put('', yesterdayMs);
      const { error, delivered } = await read();
      expect(formatError(error)).toContain('the roster is empty');
      expect(delivered).toBe(0);
    });

    test('a page to sign in where the roster should be is no roster', async () => {
      await stage.put(exportOf(20), yesterdayMs);
      await stage.fail({ kind: 'page' });
      const { error, delivered, left } = await read();
      expect(['ROSTER_UNREACHABLE', 'ROSTER_FORMAT']).toContain((error as { code?: string }).code);
      expect(formatError(error)).toMatch(/HTML page|web page/);
      expect({ delivered, left }).toEqual({ delivered: 0, left: [] });
      await stage.heal();
      await stage.put(exportOf(20), yesterdayMs);
      await expectGood(20);
    });

    test('a stopped run ends it', async () => {
      const stop = new AbortController();
      stop.abort();
      await using folder = await tempFolder();
      await expect(
        readFrom(
          'unused',
          { source: stage.source },
          { delivery: { inbox: folder.path }, signal: stop.signal },
        ),
      ).rejects.toMatchObject({ code: 'RUN_ABORTED' });
    });
  });

  test(`${name}: a host that nobody listens on is named, with the cause`, async () => {
    const stage = await open();
    await stage.close();
    await using folder = await tempFolder();
    const error = await readFrom(
      'unused',
      { source: stage.source },
      { delivery: { inbox: folder.path, retryBaseMs: 1 } },
    ).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: true });
    expect(formatError(error)).toMatch(/127\.0\.0\.1:\d+ refused the connection \(ECONNREFUSED\)/);
    for (const secret of stage.secrets) expect(formatError(error)).not.toContain(secret);
  });
}
