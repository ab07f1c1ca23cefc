import { RollcallError } from '../errors.ts';
import type { Reason } from './reasons.ts';

/** The reason of a failure, without anything that a foreign message might quote. */
export function failureOf(error: unknown): Reason {
  if (error instanceof RollcallError) {
    return {
      code: error.code,
      message: `${error.message}${error.hint === undefined ? '' : ` ${error.hint}`}`,
    };
  }
  const name = error instanceof Error ? error.name : typeof error;
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return {
    code: 'INTERNAL',
    message: `an unexpected ${name}${code}; the log has the place. Please report it.`,
  };
}
