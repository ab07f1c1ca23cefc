import { describe, expect, test } from 'vitest';
import { guessConfiguration } from '../../../src/roster/survey/guess.ts';
import { createColumnSurvey } from '../../../src/roster/survey/column.ts';
import { stateOf } from '../../../src/roster/survey/words.ts';

/** A roster of these columns, every cell in each row the same but for a number. */
function guessOf(columns: Readonly<Record<string, readonly string[]>>) {
  const rows = Math.max(...Object.values(columns).map((cells) => cells.length));
  return guessConfiguration({
    rows,
    columns: Object.entries(columns).map(([name, cells], at) => {
      const column = createColumnSurvey(name, at);
      for (const cell of cells) column.see(cell);
      return column.finish();
    }),
  });
}

const ids = ['0041', '0042', '0043', '0044'];
const mails = ids.map((id) => `p${id}@harbour.example`);
const names = ['Ana', 'Björn', 'Chidi', 'Dana'];
const teams = ['Sales', 'Sales', 'IT', 'IT'];

describe('columns are known by their names', () => {
  test.each<[string, readonly string[], (readonly string[])?]>([
    [
      'English',
      [
        'Employee Number',
        'Work Email',
        'First Name',
        'Surname',
        'Department',
        'Employment Status',
        'Hire Date',
        'Termination Date',
      ],
    ],
    [
      'as systems write it',
      [
        'EMPLID',
        'EMAIL_ADDRESS',
        'FIRST_NAME',
        'LAST_NAME',
        'DEPTNAME',
        'HR_STATUS',
        'HIRE_DT',
        'TERMINATION_DATE',
      ],
      ['startDate'],
    ],
    [
      'German',
      [
        'Personal-Nr.',
        'E-Mail',
        'Vorname',
        'Nachname',
        'Abteilung',
        'Beschäftigungsstatus',
        'Eintrittsdatum',
        'Austrittsdatum',
      ],
    ],
    [
      'French',
      [
        'Matricule',
        'Adresse e-mail',
        'Prénom',
        'Nom de famille',
        'Département',
        'Statut',
        "Date d'entrée",
        'Date de sortie',
      ],
    ],
    [
      'Spanish',
      [
        'N.º empleado',
        'Correo electrónico',
        'Nombre',
        'Apellidos',
        'Departamento',
        'Estado',
        'Fecha de alta',
        'Fecha de baja',
      ],
    ],
    [
      'Polish',
      [
        'Nr pracownika',
        'Adres e-mail',
        'Imię',
        'Nazwisko',
        'Dział',
        'Status zatrudnienia',
        'Data zatrudnienia',
        'Data zwolnienia',
      ],
    ],
    [
      'JSON',
      [
        'employee.employeeNumber',
        'work.email',
        'name.firstName',
        'name.lastName',
        'work.department',
        'work.status',
        'work.hireDate',
        'work.endDate',
      ],
    ],
  ])('%s', (_language, header, unknown = []) => {
    const [id, email, first, last, team, status, start, end] = header;
    const guess = guessOf(
      Object.fromEntries([
        [id, ids],
        [email, mails],
        [first, names],
        [last, names],
        [team, teams],
        [status, ['Active', 'Active', 'Active', 'Inactive']],
        [start, ['2020-01-31', '2020-02-29', '2021-03-01', '2022-04-01']],
        [end, ['', '', '', '2026-01-31']],
      ]),
    );
    const wanted = {
      id,
      email,
      firstName: first,
      lastName: last,
      department: team,
      status,
      startDate: start,
      endDate: end,
    };
    expect(Object.fromEntries(guess.columns.map(({ field, column }) => [field, column]))).toEqual(
      Object.fromEntries(Object.entries(wanted).filter(([field]) => !unknown.includes(field))),
    );
  });

  test('and by what they hold: an id that not every row has is none, nor is a status of many words', () => {
    const many = Array.from({ length: 80 }, (_, n) => n);
    const guess = guessOf({
      EmployeeNumber: many.map((n) => (n < 60 ? String(n) : '')),
      ID: many.map(String),
      Contact: many.map((n) => `p${n}@harbour.example`),
      Status: many.map((n) => `word ${n}`),
    });
    expect(Object.fromEntries(guess.columns.map(({ field, column }) => [field, column]))).toEqual({
      id: 'ID',
      email: 'Contact',
    });
  });

  test.each([
    [['Aktiv', 'Aktywny', 'Actif', 'Activo', 'A'], 'active'],
    [['Ausgeschieden', 'Zwolniony', 'Sorti', 'Cesado', 'Left', 'T'], 'terminated'],
    [['In Elternzeit', 'Urlop', 'En congé', 'Excedencia', 'On Leave'], 'leave'],
    [['Vorgemerkt', 'À venir', 'Pre-Hire'], 'preHire'],
    // Given notice and sick, or gone: nobody is removed by a guess.
    [['Gekündigt', 'Baja', 'Notice', 'Suspended', '1', 'X'], undefined],
  ])('the status values %s', (values, state) => {
    for (const value of values) expect(stateOf(value), value).toBe(state);
  });
});

describe('dates', () => {
  const formatOf = (cells: readonly string[]) => guessOf({ ID: ids, HireDate: cells }).dateFormat;
  test.each([
    [['31.01.2020', '01.02.2020'], 'dd.MM.yyyy', true],
    [['1/31/2020', '12/1/2020'], 'M/d/yyyy', true],
    [['31/01/2020', '01/02/2020'], 'dd/MM/yyyy', true],
    [['20200131', '20201201'], 'yyyyMMdd', true],
    [['31-Jan-2020', '01-Dec-2020'], 'dd-MMM-yyyy', true],
    [['2020-01-31-08:00', '2020-02-01-08:00'], 'yyyy-MM-dd', true],
    [['01/02/2020', '03/04/2020'], 'dd/MM/yyyy', false],
  ])('%s', (cells, format, isSure) => {
    expect(formatOf(cells)).toMatchObject({ formats: { startDate: format }, isSure });
  });
});
