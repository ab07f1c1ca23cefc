import { ApiError } from './errors.ts';

/** Things that run at once in a service; each may read both sides of a platform. */
const mostAtOnce = 4;

/** Lets only so many long things run at a time. Throws ApiError 503. */
export type Gate = { readonly enter: () => () => void };

/** A gate for long requests. */
export function createGate(limit = mostAtOnce): Gate {
  let inside = 0;
  return {
    enter: () => {
      if (inside >= limit) {
        throw new ApiError(503, 'BUSY', `${inside} of these are under way here, and that is the most.`, {
          hint: 'Try again when one of them has ended.',
          retryAfterS: 10,
        });
      }
      inside++;
      let left = false;
      return () => {
        if (!left) inside--;
        left = true;
      };
    },
  };
}
