/** Whether it is a zip archive, by its first bytes (APPNOTE.TXT, section 4.3.7; an empty one begins with its end). */
export function isZip(head: Buffer): boolean {
  const signature = head.length < 4 ? 0 : head.readUInt32LE(0);
  return signature === 0x04034b50 || signature === 0x06054b50;
}
