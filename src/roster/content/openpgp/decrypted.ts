import type { DecryptConfig } from '../../../config/roster-source.ts';
import { unpackingMeter } from '../../bounds.ts';
import type { Content, Progress } from '../content.ts';
import type { EncryptionFacts, MessageFacts } from './facts.ts';
import { openKeys } from './keys.ts';
import { contentOfMessage } from './message.ts';

export type DecryptOptions = {
  readonly nowMs: number;
  readonly onProgress: Progress | undefined;
  /** Throws when the reading was stopped; asked with every piece. */
  readonly stopIfAsked: () => void;
};

/**
 * Proves an encrypted roster, and gives its content. The message is decrypted once to its end, with nothing kept, before any of
 * it is read: no format sees a byte of what was changed or is not signed by whom it should be. Reading it decrypts it again, in
 * memory, and asks for the same proof at its end, since the file could be another by then.
 *
 * @throws RollcallError ROSTER_KEY, ROSTER_DECRYPT, ROSTER_SIGNATURE, ROSTER_UNREADABLE
 */
export async function decrypted(
  sealed: Content,
  config: DecryptConfig,
  { nowMs, onProgress, stopIfAsked }: DecryptOptions,
): Promise<{ readonly content: Content; readonly facts: EncryptionFacts }> {
  const keys = await openKeys(config, nowMs);
  async function* read(progress?: Progress): AsyncGenerator<Buffer, MessageFacts> {
    const count = unpackingMeter(sealed.file, sealed.deliveredBytes);
    const message = contentOfMessage(sealed.read(progress), { file: sealed.file, keys, nowMs });
    try {
      for (;;) {
        const { done, value } = await message.next();
        if (done === true) return value;
        stopIfAsked();
        count(value.length);
        yield value;
      }
    } finally {
      await message.return(undefined as never);
    }
  }
  // Both ways through the file count, each for a half.
  const firstHalf: Progress | undefined = onProgress && ((bytes, total) => onProgress(bytes / 2, total));
  const proof = read(firstHalf);
  let step = await proof.next();
  while (step.done !== true) step = await proof.next();
  const content: Content = {
    ...sealed,
    read: (progress) => read(progress && ((bytes, total) => progress((total + bytes) / 2, total))),
    path: null,
  };
  return { content, facts: { ...step.value, keys: keys.facts } };
}
