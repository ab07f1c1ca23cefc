import { PGlite } from '@electric-sql/pglite';

// What the embedded database takes when it is open and idle.
const database = await PGlite.create(process.argv[2] ?? 'memory://');
await database.query('select 1');
await database.close();
console.log('{}');
