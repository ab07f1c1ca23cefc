import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { providerRegistry } from '../src/providers/registry.ts';

/** Writes the JSON Schema of the configuration for editors: `node config/generate-schema.ts`. */
const file = new URL('rollcall.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(configJsonSchema(providerRegistry), undefined, 2)}\n`);
