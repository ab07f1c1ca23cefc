import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// HR systems as strict local servers, written from their public documents: whatever is asked otherwise is refused. What the
// documents leave open is an assumption, listed in docs/roster.md.

/** Somebody, as an HR system knows them; dates are `yyyy-MM-dd` or null. */
export type HrPerson = {
  readonly id: string;
  readonly email: string;
  readonly first: string;
  readonly last: string;
  readonly department: string;
  readonly state: 'active' | 'leave' | 'left';
  readonly start: string;
  readonly end: string | null;
};

export type HrVendor = 'workday' | 'bamboohr' | 'personio' | 'hibob';

/** A running HR system. */
export type HrServer = {
  readonly url: string;
  /** Requests that were refused, as method, path and why. */
  readonly refused: readonly string[];
  put(people: readonly HrPerson[]): void;
  /** Answers are cut off after that share of their bytes. */
  cut(after: number | null): void;
  readonly close: () => Promise<void>;
};

/** What its clients sign in with: the environment variables of the ready configurations. */
export const hrSecrets: Readonly<Record<string, string>> = {
  WORKDAY_USER: 'ISU_Rollcall@kestrel',
  WORKDAY_PASSWORD: 'w0rk:day',
  BAMBOOHR_API_KEY: 'bhr-4fd1',
  PERSONIO_CLIENT_ID: 'papi-id-1',
  PERSONIO_CLIENT_SECRET: 'papi-secret-1',
  HIBOB_USER: 'SERVICE-1234',
  HIBOB_TOKEN: 'bob-token-1',
};

type Answer = { readonly status: number; readonly type: string; readonly body: string };
type Asked = {
  readonly url: URL;
  readonly authorization: string;
  readonly method: string;
  readonly form: URLSearchParams;
};
type Handler = (asked: Asked, people: readonly HrPerson[]) => Answer;

const json = (value: unknown, status = 200): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value),
});
const no = (status: number, why: string): Answer => json({ error: why }, status);
const isBasic = (authorization: string, user = '', password = ''): boolean =>
  authorization === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csv = (rows: readonly (readonly string[])[]): Answer => ({
  status: 200,
  type: 'text/csv',
  body: rows.map((row) => `${row.map(cell).join(',')}\r\n`).join(''),
});

/** Reports as a service: `/ccx/service/customreport2/TENANT/OWNER/REPORT?format=json|csv`. */
const workday: Handler = ({ url, authorization, method }, people) => {
  if (method !== 'GET') return no(405, 'method');
  if (!isBasic(authorization, hrSecrets['WORKDAY_USER'], hrSecrets['WORKDAY_PASSWORD']))
    return no(401, 'sign-in');
  if (url.pathname !== '/ccx/service/customreport2/kestrel/ISU_Rollcall/Rollcall_Workers')
    return no(404, 'report');
  const entries = people.map(({ id, email, first, last, department, state, start, end }) => ({
    Employee_ID: id,
    Work_Email: email,
    First_Name: first,
    Last_Name: last,
    Department: department,
    Worker_Status: state === 'left' ? 'Terminated' : 'Active',
    On_Leave: state === 'leave' ? '1' : '0',
    Hire_Date: `${start}-08:00`,
    // A field without a value is not in the record.
    ...(end === null ? {} : { Termination_Date: `${end}-08:00` }),
  }));
  const format = url.searchParams.get('format');
  if (format === 'json') return json({ Report_Entry: entries });
  if (format !== 'csv') return no(400, 'format');
  const names = [
    'Employee_ID',
    'Work_Email',
    'First_Name',
    'Last_Name',
    'Department',
    'Worker_Status',
    'On_Leave',
    'Hire_Date',
    'Termination_Date',
  ];
  const cells = entries.map((entry): readonly string[] => {
    const values: Readonly<Record<string, string>> = entry;
    return names.map((name) => values[name] ?? '');
  });
  return csv([names, ...cells]);
};

/** Company reports: `/api/v1/reports/ID?format=JSON&onlyCurrent=false`, the key as the user. */
const bamboohr: Handler = ({ url, authorization, method }, people) => {
  if (method !== 'GET') return no(405, 'method');
  if (!isBasic(authorization, hrSecrets['BAMBOOHR_API_KEY'], 'x')) return no(401, 'sign-in');
  if (url.pathname !== '/api/v1/reports/41') return no(404, 'report');
  if (url.searchParams.get('format') !== 'JSON') return no(400, 'format');
  const all = url.searchParams.get('onlyCurrent') === 'false';
  return json({
    title: 'Rollcall',
    fields: [{ id: 'employeeNumber', type: 'employee_number', name: 'Employee #' }],
    employees: people
      .filter(({ state }) => all || state !== 'left')
      .map(({ id, email, first, last, department, state, start, end }, at) => ({
        id: String(at + 1),
        employeeNumber: id,
        workEmail: email,
        firstName: first,
        lastName: last,
        department,
        status: state === 'left' ? 'Inactive' : 'Active',
        hireDate: start,
        terminationDate: end ?? '0000-00-00',
      })),
  });
};

/** Employees of v1: `/v1/auth`, then `/v1/company/employees?offset=&limit=`, 100 at most. */
const personio: Handler = ({ url, authorization, method, form }, people) => {
  if (url.pathname === '/v1/auth') {
    if (method !== 'POST') return no(405, 'method');
    const isKnown =
      form.get('client_id') === hrSecrets['PERSONIO_CLIENT_ID'] &&
      form.get('client_secret') === hrSecrets['PERSONIO_CLIENT_SECRET'];
    return isKnown
      ? json({ success: true, data: { token: 'papi-token-1' } })
      : json({ success: false, error: { code: 0, message: 'Wrong credentials' } }, 403);
  }
  if (method !== 'GET') return no(405, 'method');
  if (authorization !== 'Bearer papi-token-1') return no(401, 'sign-in');
  if (url.pathname !== '/v1/company/employees') return no(404, 'path');
  const offset = Number(url.searchParams.get('offset') ?? 0);
  const limit = Math.min(100, Number(url.searchParams.get('limit') ?? 50));
  const attribute = (label: string, value: unknown) => ({ label, value, type: 'standard' });
  return json({
    success: true,
    metadata: {
      total_elements: people.length,
      current_page: Math.floor(offset / limit),
      total_pages: Math.ceil(people.length / limit),
    },
    offset,
    limit,
    data: people
      .slice(offset, offset + limit)
      .map(({ id, email, first, last, department, state, start, end }) => ({
        type: 'Employee',
        attributes: {
          id: attribute('ID', Number(id)),
          first_name: attribute('First name', first),
          last_name: attribute('Last name', last),
          email: attribute('Email', email),
          status: attribute('Status', state === 'left' ? 'inactive' : state),
          hire_date: attribute('Hire date', `${start}T00:00:00+01:00`),
          termination_date: attribute('Termination date', end === null ? null : `${end}T00:00:00+01:00`),
          department: attribute('Department', {
            type: 'Department',
            attributes: { id: 7, name: department },
          }),
        },
      })),
  });
};

/** Reports: `/v1/company/reports/ID/download?format=csv`, by a service user. */
const hibob: Handler = ({ url, authorization, method }, people) => {
  if (method !== 'GET') return no(405, 'method');
  if (!isBasic(authorization, hrSecrets['HIBOB_USER'], hrSecrets['HIBOB_TOKEN'])) return no(401, 'sign-in');
  if (url.pathname !== '/v1/company/reports/31415/download') return no(404, 'report');
  if (url.searchParams.get('format') !== 'csv') return no(400, 'format');
  const date = (iso: string | null): string => (iso === null ? '' : iso.split('-').reverse().join('/'));
  const statuses = { active: 'Employed', leave: 'Parental leave', left: 'Terminated' } as const;
  return csv([
    [
      'Employee ID',
      'Display name',
      'Email',
      'First name',
      'Last name',
      'Department',
      'Lifecycle status',
      'Start date',
      'Termination date',
    ],
    ...people.map(({ id, email, first, last, department, state, start, end }) => [
      id,
      `${first} ${last}`,
      email,
      first,
      last,
      department,
      statuses[state],
      date(start),
      date(end),
    ]),
  ]);
};

const handlers: Readonly<Record<HrVendor, Handler>> = { workday, bamboohr, personio, hibob };

/** Starts one of them. */
export async function startHr(vendor: HrVendor): Promise<HrServer> {
  const refused: string[] = [];
  let people: readonly HrPerson[] = [];
  let cutAfter: number | null = null;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const method = request.method ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const authorization = request.headers.authorization ?? '';
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const { status, type, body } = handlers[vendor]({ url, authorization, method, form }, people);
    if (status !== 200) refused.push(`${method} ${url.pathname} ${status}`);
    const bytes = Buffer.from(body);
    response.writeHead(status, { 'content-type': type, 'content-length': bytes.length });
    if (cutAfter === null || status !== 200) response.end(bytes);
    else response.write(bytes.subarray(0, Math.floor(bytes.length * cutAfter)), () => response.destroy());
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    refused,
    put: (all) => {
      people = all;
    },
    cut: (after) => {
      cutAfter = after;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
