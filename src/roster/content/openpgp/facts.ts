/** Which key of `roster.decrypt` a thing is said of. */
export type KeyRole = 'privateKey' | 'signedBy';

/** A key as messages name it. `expiresAtMs`: null for one that never does. */
export type KeyFacts = {
  readonly role: KeyRole;
  /** As `gpg --list-keys` shows it, in capitals. */
  readonly fingerprint: string;
  readonly expiresAtMs: number | null;
};

/** What a message that was read to its end proved. */
export type MessageFacts = {
  /** Such as `aes256`. */
  readonly cipher: string;
  /** Who signed it, of `signedBy`, and when; null where no signature is asked for. */
  readonly signed: { readonly fingerprint: string; readonly atMs: number } | null;
};

/** How a roster was encrypted and signed, and the keys that served. */
export type EncryptionFacts = MessageFacts & { readonly keys: readonly KeyFacts[] };
