import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';

// What people write instead: read all, compare, one request a person, ten at a time, wait and try again on a 429.
// It has no limits, no journal, no proof that a read was complete; that is the point of comparing.
const [, , roster = '', base = '', apiKey = ''] = process.argv;
const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };

async function call(path: string, body?: unknown): Promise<unknown> {
  for (;;) {
    const response = await fetch(
      base + path,
      body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
    );
    if (response.status !== 429) return response.json();
    await response.text();
    await sleep(Number(response.headers.get('retry-after') ?? 1) * 1_000);
  }
}

type User = { firstName: string; lastName: string; active: boolean; remoteId: string };
const users = new Map<string, User>();
for (let page = 0, pages = 1; page < pages; page++) {
  const { data } = (await call(`/users?page=${page}&pageSize=200`)) as {
    data: { items: User[]; totalPages: number };
  };
  pages = data.totalPages;
  for (const user of data.items) users.set(user.remoteId, user);
}
const rows = parse(await readFile(roster), { columns: true }) as Record<string, string>[];
const wanted = rows.flatMap((row) => {
  const user = {
    firstName: row['FirstName'] ?? '',
    lastName: row['LastName'] ?? '',
    active: row['WorkerStatus'] === 'Active',
    remoteId: row['WorkerID'] ?? '',
  };
  const there = users.get(user.remoteId);
  const same =
    there !== undefined &&
    there.firstName === user.firstName &&
    there.lastName === user.lastName &&
    there.active === user.active;
  return same || (there === undefined && !user.active) ? [] : [user];
});
for (let at = 0; at < wanted.length; at += 10) {
  await Promise.all(wanted.slice(at, at + 10).map((user) => call('/users/batch', { users: [user] })));
}
console.log(JSON.stringify({ changed: wanted.length }));
