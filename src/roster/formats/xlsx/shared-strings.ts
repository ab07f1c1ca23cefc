import { readXml } from './xml.ts';

/** Strings that cells name by number, as bytes: a roster of 100,000 people has half a million, and few are wanted at once. */
export class SharedStrings {
  #bytes = Buffer.alloc(65_536);
  #used = 0;
  #starts = new Uint32Array(8_192);
  #count = 0;

  /** Reads the part that holds them. Throws TornContent. */
  async read(bytes: AsyncIterable<Buffer>): Promise<void> {
    const item = new RichText();
    await readXml(bytes, {
      open: (name) => {
        if (name === 'si') item.begin();
        else item.open(name);
      },
      close: (name, text) => {
        if (name === 'si') this.#add(item.text);
        else item.close(name, text);
      },
      wantsText: (name) => name === 't',
    });
  }

  /** The string of that number; undefined when there is none. */
  at(index: number): string | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.#count) return undefined;
    const end = index + 1 < this.#count ? this.#starts[index + 1] : this.#used;
    return this.#bytes.toString('utf8', this.#starts[index], end);
  }

  #add(text: string): void {
    const length = Buffer.byteLength(text);
    if (this.#used + length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#used + length));
      this.#bytes.copy(grown, 0, 0, this.#used);
      this.#bytes = grown;
    }
    if (this.#count === this.#starts.length) {
      const grown = new Uint32Array(this.#starts.length * 2);
      grown.set(this.#starts);
      this.#starts = grown;
    }
    this.#starts[this.#count++] = this.#used;
    this.#used += this.#bytes.write(text, this.#used);
  }
}

/** Text in pieces, each with its looks (ECMA-376 part 1, 18.4.8): put together, without how it is pronounced. */
export class RichText {
  #pieces = '';
  #phonetic = 0;

  begin(): void {
    this.#pieces = '';
    this.#phonetic = 0;
  }

  open(name: string): void {
    if (name === 'rPh') this.#phonetic++;
  }

  close(name: string, text: string): void {
    if (name === 'rPh') this.#phonetic--;
    else if (name === 't' && this.#phonetic === 0) this.#pieces += text;
  }

  get text(): string {
    return unescaped(this.#pieces);
  }
}

/** Characters that XML cannot hold are written `_x000D_` (ECMA-376 part 1, 22.9.2.19). */
export function unescaped(text: string): string {
  return text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 16)),
      )
    : text;
}
