const longestShape = 24;

/**
 * What a value looks like, for a message that must not show it: capitals as `A`, small letters as `a`, digits as `9`, all
 * else as it is. `25/12/2020` is `99/99/9999`.
 */
export function shapeOf(value: string): string {
  const shape = value
    .slice(0, longestShape)
    .replace(/\p{Lu}/gu, 'A')
    .replace(/\p{L}|\p{M}/gu, (letter) => (letter === 'A' ? 'A' : 'a'))
    .replace(/\p{N}/gu, '9')
    .replace(/[\p{Cc}\p{Cf}]/gu, '.');
  return value.length > longestShape ? `${shape}…` : shape;
}
