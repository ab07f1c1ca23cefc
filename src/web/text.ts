import { ApiError } from './errors.ts';

/**
 * Control characters other than tab and line breaks: nothing that a person types has them. PostgreSQL takes no NUL, and a
 * terminal obeys the others when the text is shown to somebody later.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** Refuses a request that holds control characters anywhere: in its parameters, query or body. Throws ApiError 400. */
export function refuseControlCharacters(value: unknown): void {
  if (typeof value === 'string' && control.test(value)) {
    throw new ApiError(400, 'BAD_REQUEST', 'the request holds control characters.', {
      hint: 'Send texts without them; tabs and line breaks are taken.',
    });
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    refuseControlCharacters(key);
    refuseControlCharacters(part);
  }
}
