import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';

// The floor of reading a roster: csv-parse alone, with the options that the product reads with.
let rows = 0;
const parser = createReadStream(process.argv[2] ?? '', { highWaterMark: 1 << 20 }).pipe(
  parse({ relax_column_count: true, relax_quotes: true }),
);
parser.on('data', () => {
  rows++;
});
await new Promise((done, failed) => {
  parser.on('end', done);
  parser.on('error', failed);
});
console.log(JSON.stringify({ rows }));
