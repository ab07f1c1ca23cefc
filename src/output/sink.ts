import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Writable } from 'node:stream';

/** Where the bytes of an output go. `done` is called once for each piece: with null, or with the error's code. */
export type Sink = {
  readonly terminal: boolean;
  readonly write: (bytes: Buffer, done: (failure: string | null) => void) => void;
};

/** A terminal that takes nothing at the moment (Ctrl+S, a pager's scroll mode) is asked again after this. */
const againMs = 20;

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
}

/** A descriptor that is written to without a stream: a file, a terminal, `/dev/full`. What was not written is not retried. */
function descriptorSink(fd: number, terminal: boolean): Sink {
  return {
    terminal,
    write: (bytes, done) => {
      let at = 0;
      const goOn = (): void => {
        try {
          while (at < bytes.length) at += writeSync(fd, bytes, at);
        } catch (error) {
          const code = codeOf(error);
          if (code === 'EAGAIN') setTimeout(goOn, againMs).unref();
          else done(code);
          return;
        }
        done(null);
      };
      goOn();
    },
  };
}

/** A pipe or a socket: Node's own stream, which waits for its reader without holding up the process. */
function streamSink(stream: Writable): Sink {
  // Each piece is told of its failure below; without a listener the process would end at it.
  stream.on('error', () => undefined);
  return {
    terminal: false,
    write: (bytes, done) => {
      if (stream.destroyed || stream.writableEnded) done('EPIPE');
      else stream.write(bytes, (error) => done(error == null ? null : codeOf(error)));
    },
  };
}

/**
 * The sink of a standard descriptor. A terminal is opened once more without blocking: written to through Node's stream, one
 * that takes nothing stops the whole process.
 */
export function standardSink(fd: 1 | 2, stream: Writable): Sink {
  const terminal = isatty(fd);
  try {
    if (terminal) {
      const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
      return descriptorSink(openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY), true);
    }
    const kind = fstatSync(fd);
    if (kind.isFile() || kind.isCharacterDevice()) return descriptorSink(fd, false);
  } catch {
    // Not Linux, or no /proc: as Node does it.
  }
  return { ...streamSink(stream), terminal };
}
