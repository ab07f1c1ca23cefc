import { configJsonSchema } from '../../config/json-schema.ts';
import { providerRegistry } from '../../providers/registry.ts';
import type { Command } from '../context.ts';
import { usages } from '../usages.ts';

/** `rollcall schema`: the JSON Schema of the configuration, for editors, on standard output. */
export const schema: Command = {
  ...usages.schema,
  options: {},
  does: 'show',
  run: async (cli) => {
    cli.out.write(`${JSON.stringify(configJsonSchema(providerRegistry), undefined, 2)}\n`);
    return 0;
  },
};
