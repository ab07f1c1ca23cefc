import { DuckDBInstance } from '@duckdb/node-api';

// The floor of comparing: the same full outer join by a column store, from two files on disk.
const [, , roster = '', accounts = ''] = process.argv;
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run('set threads to 2');
const answer = await connection.runAndReadAll(`
  select count(*) filter (where a.remoteId is null and r.WorkerStatus = 'Active') as created,
         count(*) filter (where r.WorkerID is null) as missing,
         count(*) filter (where r.WorkerID is not null and a.remoteId is not null
           and (r.FirstName <> a.firstName or r.LastName <> a.lastName)) as updated,
         count(*) filter (where r.WorkerStatus = 'Inactive' and a.active) as deactivated
  from read_csv('${roster}', header = true, all_varchar = true) r
  full outer join read_json('${accounts}', format = 'newline_delimited',
    columns = {remoteId: 'VARCHAR', firstName: 'VARCHAR', lastName: 'VARCHAR', active: 'BOOLEAN'}) a
  on r.WorkerID = a.remoteId`);
console.log(
  JSON.stringify(answer.getRowObjects()[0], (_key, value) =>
    typeof value === 'bigint' ? Number(value) : value,
  ),
);
