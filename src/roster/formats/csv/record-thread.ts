import { parentPort, workerData } from 'node:worker_threads';
import type { Layout } from './layout.ts';
import { betweenCells, betweenRows, type PackedRecords, type RecordsQuestion } from './record-packing.ts';
import type { RosterRecord } from '../format.ts';
import { RecordReader } from './records.ts';

// csv-parse in a thread of its own, for large files: see threaded-records.ts.

const port = parentPort;
if (port === null) throw new Error('record-thread runs as a worker thread');

const reader = new RecordReader(workerData as Layout);
const separators = [betweenCells.charCodeAt(0), betweenRows.charCodeAt(0)];
/** A cell may span chunks: what was once there may be in any later row. */
let holdsSeparators = false;

function pack(records: readonly RosterRecord[]): PackedRecords {
  const lines = new Uint32Array(records.length);
  const multiline: number[] = [];
  for (const [at, record] of records.entries()) {
    lines[at] = record.line;
    if (record.multiline) multiline.push(at);
  }
  const cells = records.map((record) => record.cells);
  const rows = holdsSeparators ? cells : cells.map((row) => row.join(betweenCells)).join(betweenRows);
  return { rows, lines, multiline, damagedAtLine: reader.damagedAtLine };
}

let turn: Promise<unknown> = Promise.resolve();
port.on('message', (question: RecordsQuestion) => {
  turn = turn.then(async () => {
    if (question.chunk === null) {
      port.postMessage(pack(await reader.end()));
      return;
    }
    const { buffer, byteOffset, byteLength } = question.chunk;
    const chunk = Buffer.from(buffer, byteOffset, byteLength);
    holdsSeparators ||= separators.some((separator) => chunk.includes(separator));
    port.postMessage(pack(await reader.write(chunk)));
  });
});
