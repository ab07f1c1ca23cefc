import { writeFile } from 'node:fs/promises';
import { configJsonSchema, operatorJsonSchema } from '../src/config/json-schema.ts';
import { referencePage } from '../src/config/reference.ts';
import { providerRegistry } from '../src/providers/registry.ts';
import { keyNotes, referenceIntroduction } from './key-notes.ts';

/** Writes the JSON Schema of the configuration for editors, and the page that lists its keys: `npm run schema`. */
const file = new URL('rollcall.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(configJsonSchema(providerRegistry), undefined, 2)}\n`);
const operator = new URL('operator.schema.json', import.meta.url);
await writeFile(operator, `${JSON.stringify(operatorJsonSchema(), undefined, 2)}\n`);
const page = new URL('../docs/configuration.md', import.meta.url);
await writeFile(page, referencePage(providerRegistry, keyNotes, referenceIntroduction));
