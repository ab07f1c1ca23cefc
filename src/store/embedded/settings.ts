/**
 * How the server is set up: durable, small, and reached by nobody else. Given on its command line, so that a newer Rollcall
 * changes them without touching the cluster. https://www.postgresql.org/docs/18/runtime-config.html
 */
const settings: Readonly<Record<string, string>> = {
  // A service and a good number of commands beside it; each process takes a few.
  max_connections: '200',
  shared_buffers: '48MB',
  work_mem: '16MB',
  maintenance_work_mem: '32MB',
  // Nothing acknowledged is lost, whatever stops the machine: these are the defaults, and here to stay.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // No replicas: less to write, and tables that a transaction has made are not logged row by row.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '512MB',
  // One process a connection and none to help it: on two cores they help nobody, and each takes memory.
  jit: 'off',
  io_method: 'sync',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  max_logical_replication_workers: '0',
  autovacuum_worker_slots: '2',
  autovacuum_max_workers: '2',
  // The queue's tables turn over quickly.
  autovacuum_naptime: '30s',
  huge_pages: 'off',
  // A process that was killed in the middle of a long statement is noticed.
  client_connection_check_interval: '5s',
  // What a statement or its values say is in no log: people are in them.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
  lc_messages: 'C',
};

/** Where the server listens. */
export type Listening = { readonly folder: string } | { readonly port: number };

/** The server's command line. The socket's folder is given from the cluster: a socket's path may have 107 bytes. */
export function serverArguments(cluster: string, listening: Listening): readonly string[] {
  const reached: Readonly<Record<string, string>> =
    'folder' in listening
      ? {
          listen_addresses: '',
          unix_socket_directories: listening.folder,
          // The folder's permissions say who may come in.
          unix_socket_permissions: '0777',
          port: String(socketNumber),
        }
      : {
          listen_addresses: '127.0.0.1',
          unix_socket_directories: '',
          port: String(listening.port),
        };
  return [
    '-D',
    cluster,
    ...Object.entries({ ...settings, ...reached }).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ];
}

/** The number in the name of a socket; every data directory has its own folder. */
export const socketNumber = 5432;
