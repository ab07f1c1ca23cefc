import type { ErrorCode, Place } from '../errors.ts';

/**
 * A customer's file that a service was told of and cannot use: nothing is done for the customer, or it goes on with the last
 * configuration that was good. What is in the file is not repeated, apart from places and names of keys.
 */
export type UnusableFile = {
  readonly file: string;
  /** The customer as far as it is known: of the configuration that goes on, or by the name of the file. */
  readonly customer: string;
  /** The service goes on with the last good configuration of it. */
  readonly keeps: boolean;
  readonly code: ErrorCode;
  readonly place: Place | undefined;
  /** How many things are wrong with it. */
  readonly problems: number;
  readonly sinceMs: number;
};

/** What alerts, metrics and tokens call whoever runs the service. No customer can have that name. */
export const operatorName = '_operator';
