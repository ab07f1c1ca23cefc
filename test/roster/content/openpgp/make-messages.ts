import { writeFile } from 'node:fs/promises';
import { makeAll } from './catalogue.ts';

// Makes the messages that are read where there is no GnuPG: node test/roster/content/openpgp/make-messages.ts

const { messages, ...keys } = await makeAll();
const shown = {
  ...keys,
  messages: Object.fromEntries(
    Object.entries(messages).map(([name, bytes]) => [name, bytes.toString('base64')]),
  ),
};
await writeFile(new URL('made.json', import.meta.url), `${JSON.stringify(shown, undefined, 2)}\n`);
