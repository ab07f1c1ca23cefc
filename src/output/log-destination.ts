import type { Output } from './output.ts';

/** Log lines that wait for a slow reader are dropped beyond this many bytes. */
const mostWaitingBytes = 4 * 1024 * 1024;
/** Characters that JSON leaves as they are and a terminal obeys. */
const obeyed = /[\u007f-\u009f\u2028\u2029\u202A-\u202E\u2066-\u2069]/g;

/**
 * Where log lines go: whole lines, or none. Once lines can be written again after some could not, one says how many bytes
 * are missing.
 */
export function logDestination(output: Output): { readonly write: (line: string) => void } {
  output.onRecovered = (lostBytes) => {
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      lostBytes,
      msg: 'log lines before this could not be written',
    };
    output.write(`${JSON.stringify(line)}\n`);
  };
  return {
    write: (line) => {
      if (output.writableLength > mostWaitingBytes) output.drop(Buffer.byteLength(line));
      else
        output.write(
          line.replace(obeyed, (found) => `\\u${(found.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`),
        );
    },
  };
}
