/** Cuts text to `max` UTF-16 units, the ellipsis included, without splitting a character. */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  return `${cut.replace(/[\uD800-\uDBFF]$/u, '')}…`;
}

/** One line: control characters and line breaks become single spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** An email address, in quotes or angle brackets or bare, or encoded in a URL, however it got into a text. */
const address = /[^\s@<>"'(),;:=/]+(?:@|%40)[^\s@<>"'(),;:=/]+/gi;

/** The last line of defence: what looks like an email address does not leave, whoever wrote it into a text. */
export function withoutAddresses(text: string): string {
  return text.replace(address, '[address]');
}

/** A time span in words for a person: `40s`, `12m`, `3h 5m`, `2d 4h`. */
export function formatSpan(spanMs: number): string {
  const seconds = Math.max(0, Math.round(spanMs / 1_000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`;
  return hours % 24 === 0 ? `${hours / 24}d` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** A time as on-call reads it in a log: `2026-03-02 02:00:07 UTC`. */
export function formatTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
