import { resolve } from 'node:path';
import { checkImports } from './rules.ts';

const { files, violations } = await checkImports(resolve(import.meta.dirname, '../..'));
for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`);
// A checker that read nothing would be content with anything.
if (files < 50) {
  console.error(`only ${files} files were read; the checker looks in the wrong place`);
  process.exit(1);
}
console.log(`${files} files, ${violations.length} broken import rules`);
if (violations.length > 0) process.exit(1);
