/** The run cannot go on now and does later: its job goes back to the queue for that long. */
export class Postponement extends Error {
  override readonly name = 'Postponement';
  readonly afterMs: number;

  constructor(afterMs: number) {
    super(`postponed by ${afterMs} ms`);
    this.afterMs = afterMs;
  }
}

/** Why a request is turned down: a stable code and a sentence. */
export type Refusal = { readonly code: string; readonly message: string };

/** The request turned out to be one that cannot be done; it is answered, not retried. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refused: Refusal;

  constructor(refused: Refusal) {
    super(refused.code);
    this.refused = refused;
  }
}
