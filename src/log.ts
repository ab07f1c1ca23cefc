import { type DestinationStream, type Logger, pino } from 'pino';

/** Our logger. Fields hold ids and numbers; names, emails and secrets never get here. */
export type Log = Logger;

/** Field names that are cut out wherever they turn up, should one slip in. */
const redacted = [
  'email',
  'firstName',
  'lastName',
  'displayName',
  'apiKey',
  'token',
  'secret',
  'clientSecret',
  'password',
  'authorization',
];

export type LogOptions = { readonly level: string; readonly destination: DestinationStream };

/** Structured logs. On standard error, where standard output is for results: see `logDestination`. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[cut]' },
      serializers: { err: safeError },
    },
    options.destination,
  );
}

/** An error for the log: code, message and stack of ours; of others only name, code and stack frames (their messages may quote data). */
function safeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const ours =
    error.name === 'RollcallError' || error.name === 'ProviderError' || error.name === 'ConfigError';
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(ours ? { message: error.message } : {}),
    frames: frames.slice(0, 8).map((frame) => frame.trim()),
  };
}
