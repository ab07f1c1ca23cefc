/** Bytes of a block; a text does not cross the border of one. */
const blockBytes = 1 << 20;

/**
 * Texts by ordinal, kept as bytes outside the heap: a million names as strings cost three times as much, and the garbage
 * collector walks them all, time and again. One byte a character where all are below U+0100, else two.
 */
export type TextColumn = {
  readonly set: (ordinal: number, text: string) => void;
  /** The empty string where nothing was set. */
  readonly get: (ordinal: number) => string;
  /** Whether the text is these parts, joined by the separator (one character). Makes no string. */
  readonly isJoined: (ordinal: number, parts: readonly string[], separator: string) => boolean;
  readonly is: (ordinal: number, text: string) => boolean;
};

/** An empty column. */
export function createTextColumn(): TextColumn {
  const blocks: Buffer[] = [];
  /** Texts longer than a block. */
  const long = new Map<number, string>();
  let used = blockBytes;
  let starts = new Uint32Array(1_024);
  /** Bytes, doubled; the lowest bit tells two bytes a character. */
  let sizes = new Uint32Array(1_024);

  function isWide(text: string): boolean {
    for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return true;
    return false;
  }

  function reserve(ordinal: number): void {
    if (ordinal < starts.length) return;
    let length = starts.length;
    while (length <= ordinal) length *= 2;
    const [oldStarts, oldSizes] = [starts, sizes];
    starts = new Uint32Array(length);
    sizes = new Uint32Array(length);
    starts.set(oldStarts);
    sizes.set(oldSizes);
  }

  function set(ordinal: number, text: string): void {
    reserve(ordinal);
    long.delete(ordinal);
    const wide = isWide(text);
    const bytes = wide ? text.length * 2 : text.length;
    if (bytes > blockBytes) {
      long.set(ordinal, text);
      sizes[ordinal] = 0;
      return;
    }
    if (bytes > blockBytes - used) {
      blocks.push(Buffer.allocUnsafeSlow(blockBytes));
      used = 0;
    }
    blocks.at(-1)?.write(text, used, wide ? 'utf16le' : 'latin1');
    starts[ordinal] = (blocks.length - 1) * blockBytes + used;
    sizes[ordinal] = bytes * 2 + (wide ? 1 : 0);
    used += bytes;
  }

  function get(ordinal: number): string {
    const size = sizes[ordinal] ?? 0;
    if (size === 0) return long.get(ordinal) ?? '';
    const start = starts[ordinal] ?? 0;
    const from = start % blockBytes;
    const block = blocks[Math.floor(start / blockBytes)];
    return block?.toString((size & 1) === 1 ? 'utf16le' : 'latin1', from, from + (size >>> 1)) ?? '';
  }

  function isJoined(ordinal: number, parts: readonly string[], separator: string): boolean {
    const size = sizes[ordinal] ?? 0;
    if (size === 0 || (size & 1) === 1) return get(ordinal) === parts.join(separator);
    const start = starts[ordinal] ?? 0;
    const block = blocks[Math.floor(start / blockBytes)];
    let at = start % blockBytes;
    const end = at + (size >>> 1);
    const between = separator.charCodeAt(0);
    for (let index = 0; index < parts.length; index++) {
      if (index > 0 && block?.[at++] !== between) return false;
      const part = parts[index] ?? '';
      if (part.length > end - at) return false;
      for (let unit = 0; unit < part.length; unit++)
        if (block?.[at++] !== part.charCodeAt(unit)) return false;
    }
    return at === end;
  }

  const one = [''];
  return {
    set,
    get,
    isJoined,
    is: (ordinal, text) => {
      one[0] = text;
      return isJoined(ordinal, one, '');
    },
  };
}
