/** The calendar date in a time zone, `yyyy-MM-dd`. */
export function dateIn(timezone: string, atMs: number): string {
  // Sweden writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(atMs);
}
