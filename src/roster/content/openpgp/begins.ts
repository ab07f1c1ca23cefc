/** Enough of the beginning to tell. */
export const openPgpBytes = 64;

const armour = /^-----BEGIN PGP ([A-Z ]+)-----/;

/** What an OpenPGP file calls itself in its first line, such as `MESSAGE`; undefined when it is not armoured. */
export function armouredAs(head: Buffer): string | undefined {
  return armour.exec(textOf(head))?.[1];
}

/** In which encoding armour is read: a shell of Windows writes what it is given as UTF-16. */
export function armourEncoding(head: Buffer): 'utf-16le' | 'utf-8' {
  return head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : 'utf-8';
}

function textOf(head: Buffer): string {
  return new TextDecoder(armourEncoding(head)).decode(head.subarray(0, openPgpBytes * 4)).trimStart();
}

/**
 * Whether it begins like an encrypted OpenPGP message (RFC 9580, sections 4.2 and 5): the packet of an encrypted session key
 * of a version that there is, or the marker that old programs write first. No text has such bytes.
 */
export function beginsEncrypted(head: Buffer): boolean {
  if (armouredAs(head) === 'MESSAGE') return true;
  if (head[0] === 0xa8 || head[0] === 0xca) return head.subarray(1, 5).equals(Buffer.from('\u0003PGP'));
  const packet = packetOf(head);
  if (packet?.tag === 1) return [2, 3, 6].includes(packet.first);
  return packet?.tag === 3 && [4, 5, 6].includes(packet.first);
}

/** Whether it begins like a message of OpenPGP that is signed or packed, and not encrypted. */
export function beginsSigned(head: Buffer): boolean {
  const packet = packetOf(head);
  if (packet?.tag === 4) return packet.first === 3 || packet.first === 6;
  return packet?.tag === 8 && packet.first <= 3;
}

/** The tag of the first packet and the first byte of its body. */
function packetOf(head: Buffer): { readonly tag: number; readonly first: number } | undefined {
  const [start = 0, length = 0] = head;
  if ((start & 0x80) === 0) return undefined;
  if ((start & 0x40) === 0) {
    const lengthBytes = [1, 2, 4, 0][start & 0x03] ?? 0;
    return { tag: (start >> 2) & 0x0f, first: head[1 + lengthBytes] ?? 255 };
  }
  const lengthBytes = length < 192 ? 1 : length < 224 ? 2 : length === 255 ? 5 : 1;
  return { tag: start & 0x3f, first: head[1 + lengthBytes] ?? 255 };
}
