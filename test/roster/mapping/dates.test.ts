import { describe, expect, test } from 'vitest';
import { compileDateFormat } from '../../../src/roster/index.ts';

describe('compileDateFormat', () => {
  test.each([
    ['yyyy-MM-dd', '2026-03-02', '2026-03-02'],
    ['yyyy-MM-dd', '2026-03-02T00:00:00', '2026-03-02'],
    ['yyyy-MM-dd', '2026-03-02 23:59:59.123Z', '2026-03-02'],
    ['yyyy-MM-dd', '2026-03-02T00:00:00+01:00', '2026-03-02'],
    ['yyyy-MM-dd', '2020-12-31-08:00', '2020-12-31'],
    ['yyyy-MM-dd', '2020-12-31+0530', '2020-12-31'],
    ['yyyy-MM-dd', '2020-12-31Z', '2020-12-31'],
    ['yyyy-MM-dd', '2020-12-31-08', null],
    ['yyyy-MM-dd', '2026-3-2', null],
    ['MM/dd/yy', '03/04/20', '2020-03-04'],
    ['MM/dd/yy', '03/04/46', '2046-03-04'],
    ['MM/dd/yy', '03/04/47', '1947-03-04'],
    ['MM/dd/yy', '03/04/2020', null],
    ['d.M.yy', '3.4.99', '1999-04-03'],
    ['yyyy-MM-dd', '02.03.2026', null],
    ['yyyy-MM-dd', '2026-02-29', null],
    ['yyyy-MM-dd', '2024-02-29', '2024-02-29'],
    ['yyyy-MM-dd', '1900-02-29', null],
    ['yyyy-MM-dd', '2000-02-29', '2000-02-29'],
    ['yyyy-MM-dd', '2026-00-10', null],
    ['yyyy-MM-dd', '2026-13-10', null],
    ['yyyy-MM-dd', '0001-01-01', null],
    ['yyyy-MM-dd', '1899-12-30', null],
    ['yyyy-MM-dd', '9999-12-31', '9999-12-31'],
    ['yyyy-MM-dd', '2026-03-02x', null],
    ['dd.MM.yyyy', '31.02.2026', null],
    ['dd.MM.yyyy', '31.03.2026', '2026-03-31'],
    ['dd.MM.yyyy', '31x03x2026', null],
    ['d/M/yyyy', '2/3/2026', '2026-03-02'],
    ['d/M/yyyy', '12/11/2026', '2026-11-12'],
    ['MM/dd/yyyy', '03/02/2026', '2026-03-02'],
    ['MM/dd/yyyy HH:mm:ss', '03/02/2026 14:05:06', '2026-03-02'],
    ['M/d/yyyy h:mm:ss a', '3/2/2026 1:05:06 PM', '2026-03-02'],
    ['dd-MMM-yyyy', '02-Mar-2026', '2026-03-02'],
    ['dd-MMM-yyyy', '02-MAR-2026', '2026-03-02'],
    ['dd MMM yyyy', '02 Sept 2026', '2026-09-02'],
    ['dd-MMM-yyyy', '02-Mrz-2026', null],
    ['MMMM d, yyyy', 'March 2, 2026', '2026-03-02'],
    ['yyyyMMdd', '20260302', '2026-03-02'],
    ["yyyy'y'MM'm'dd", '2026y03m02', '2026-03-02'],
    ["yyyy-MM-dd'T'HH:mm:ss", '2026-03-02T10:11:12', '2026-03-02'],
  ])('%s reads %s as %s', (format, text, expected) => {
    const parse = compileDateFormat(format, 2026);
    expect(parse(text)).toBe(expected);
    expect(parse(text)).toBe(expected);
  });

  test.each(['yyyy-MM', 'yyy-MM-dd', 'yy-yyyy-MM-dd', 'DD.MM.YYYY', 'yyyy-MM-dd-dd', "yyyy-MM-dd'", ''])(
    '%j is no format',
    (format) => {
      expect(() => compileDateFormat(format)).toThrowError(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    },
  );
});
