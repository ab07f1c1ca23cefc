import { parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { RollcallError } from '../errors.ts';
import type { Command, CommandOption, ParsedArguments } from './context.ts';

/** Options that every command has. */
const commonOptions = {
  config: { type: 'string', multiple: true, short: 'c', help: 'configuration file (default rollcall.yaml)' },
  operator: { type: 'string', help: "the operator's file (default operator.yaml beside the configuration)" },
  json: { type: 'boolean', help: 'print one JSON document' },
  help: { type: 'boolean', short: 'h', help: 'say how the command is used' },
  verbose: { type: 'boolean', help: 'log debug lines, and stack traces of defects' },
} as const satisfies Record<string, CommandOption>;

/** Parses the arguments of one command. Throws USAGE with what was not understood and the nearest option. */
export function parseArguments(name: string, command: Command, args: readonly string[]): ParsedArguments {
  const known: Record<string, CommandOption> = { ...commonOptions, ...command.options };
  for (const arg of args) {
    const option = /^--([^=]+)/.exec(arg)?.[1];
    if (option === undefined || option in known) continue;
    const near = nearest(option, Object.keys(known));
    throw new RollcallError('USAGE', `rollcall ${name}: there is no option --${option}.`, {
      hint: near === undefined ? `Usage: rollcall ${command.usage}` : `Did you mean --${near}?`,
    });
  }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(
        Object.entries(known).map(([option, { type, multiple, short }]) => [
          option,
          {
            type,
            ...(multiple === undefined ? {} : { multiple }),
            ...(short === undefined ? {} : { short }),
          },
        ]),
      ),
    });
    const given = values as Record<string, string | boolean | (string | boolean)[] | undefined>;
    return {
      positionals,
      text: (option) => {
        const value = given[option];
        return typeof value === 'string' ? value : Array.isArray(value) ? String(value.at(-1)) : undefined;
      },
      texts: (option) => {
        const value = given[option];
        return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
      },
      flag: (option) => given[option] === true,
    };
  } catch (error) {
    throw new RollcallError(
      'USAGE',
      `rollcall ${name}: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: `Usage: rollcall ${command.usage}`,
      },
    );
  }
}
