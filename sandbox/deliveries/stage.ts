/**
 * What can go wrong with a delivery, for all sources alike. `cut`: the connection breaks after that part of the content;
 * `change`: the content is replaced by another one after half of it was sent; `page`: a web page stands where the roster was.
 */
export type DeliveryFault =
  | { readonly kind: 'cut'; readonly after: number; readonly times: number }
  | { readonly kind: 'change'; readonly to: string }
  | { readonly kind: 'page' };

/** A file of a delivery. */
export type Delivered = { readonly content: Buffer; readonly modifiedAtMs: number };

/** A page to sign in, as a portal shows it to who has no session. */
export const signInPage =
  '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form><input name="user"></form></body></html>\n';
