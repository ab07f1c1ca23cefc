import { expect, test } from 'vitest';
import { logDestination } from '../../src/output/log-destination.ts';
import { clearLine, Output } from '../../src/output/output.ts';
import type { Sink } from '../../src/output/sink.ts';
import { shown, shownLines } from '../../src/shown.ts';

/** A sink that fails or waits as it is told, and keeps what it took. */
function fake(terminal = false) {
  const taken: string[] = [];
  const state: { failure: string | null; waits: boolean; release: (() => void)[] } = {
    failure: null,
    waits: false,
    release: [],
  };
  const sink: Sink = {
    terminal,
    write: (bytes, done) => {
      const end = (): void => {
        if (state.failure === null) taken.push(bytes.toString());
        done(state.failure);
      };
      if (state.waits) state.release.push(end);
      else end();
    },
  };
  return { output: new Output(sink), taken, state };
}

test('what cannot be written is dropped and counted, and does not stop what comes after', async () => {
  const { output, taken, state } = fake();
  output.write('one\n');
  state.failure = 'ENOSPC';
  output.write('two\n');
  output.write('three\n');
  state.failure = null;
  output.write('four\n');
  await output.settled();
  // A line may have been cut by the failure: the next one begins anew.
  expect(taken).toEqual(['one\n', '\nfour\n']);
  expect([output.lostBytes, output.failure, output.hasNoReader]).toEqual([10, 'ENOSPC', false]);
});

test('a reader who went away is no loss, and is not written to again', async () => {
  const { output, taken, state } = fake();
  state.failure = 'EPIPE';
  output.write('one\n');
  state.failure = null;
  output.write('two\n');
  await output.settled();
  expect(taken).toEqual([]);
  expect([output.lostBytes, output.failure, output.hasNoReader]).toEqual([0, null, true]);
});

test('a log says how much is missing once it can be written again', async () => {
  const { output, taken, state } = fake();
  const log = logDestination(output);
  state.failure = 'ENOSPC';
  log.write('{"msg":"lost"}\n');
  state.failure = null;
  log.write('{"msg":"seen"}\n');
  await output.settled();
  const lines = taken.join('').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'seen' },
    { level: 'warn', lostBytes: 15 },
  ]);
});

test('a log whose reader is slow keeps 4 MiB of lines and drops the rest, each as a whole', async () => {
  const { output, taken, state } = fake();
  const log = logDestination(output);
  state.waits = true;
  const line = `${JSON.stringify({ msg: 'x'.repeat(1_000) })}\n`;
  for (let count = 0; count < 10_000; count++) log.write(line);
  expect(output.writableLength).toBeLessThan(5 * 1024 * 1024);
  expect(output.lostBytes + output.writableLength).toBe(10_000 * line.length);
  state.waits = false;
  for (const release of state.release.splice(0)) release();
  await output.settled();
  expect(
    taken
      .join('')
      .split('\n')
      .filter((text) => text !== '' && !text.endsWith('}')),
  ).toEqual([]);
});

test('at a terminal control characters are written out, but for the progress bar and line ends', async () => {
  const { output, taken } = fake(true);
  output.write('a\u001b[2J\tb\r\u009b31m\u202ec\n');
  output.write(`${clearLine}academy: reading\u0007`);
  output.write(`x${clearLine}`);
  await output.settled();
  expect(taken).toEqual([
    'a\\u001b[2J\tb\\r\\u009b31m\\u202ec\n',
    `${clearLine}academy: reading\\u0007`,
    'x\\r\\u001b[2K',
  ]);
});

test('elsewhere they are data; a log has none, and stays JSON', async () => {
  const { output, taken } = fake();
  output.write('a\u001b[2J');
  logDestination(output).write(`${JSON.stringify({ msg: 'b\u009b31m\u202e\u007f' })}\n`);
  await output.settled();
  expect(taken[0]).toBe('a\u001b[2J');
  expect(taken[1]).toBe('{"msg":"b\\u009b31m\\u202e\\u007f"}\n');
  expect(JSON.parse(taken[1] ?? '')).toEqual({ msg: 'b\u009b31m\u202e\u007f' });
});

test('a value stays on its line', () => {
  expect(shown('Sales\nfailed: everything\r\u001b[1A')).toBe('Sales\\nfailed: everything\\r\\u001b[1A');
  expect(shown('Zoë Ó Briain 漢字 👩‍💻')).toBe('Zoë Ó Briain 漢字 👩‍💻');
  expect(shownLines('a\n\tb\u001b')).toBe('a\n\tb\\u001b');
});
