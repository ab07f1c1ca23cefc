"""Makes the workbooks of the tests with openpyxl, another program than the one that reads them: make_workbooks.py FOLDER."""

import datetime
import re
import sys
import zipfile
from pathlib import Path

from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

folder = Path(sys.argv[1])
header = ["Worker ID", "Work email", "First name", "Department", "Status", "Hired", "Left", "Notes"]


def save(book, name):
    # Made again, it has the same bytes.
    book.properties.created = book.properties.modified = datetime.datetime(2026, 1, 1)
    book.save(folder / name)
    write_parts(name, parts_of(name))


def parts_of(name):
    with zipfile.ZipFile(folder / name) as archive:
        return {info.filename: archive.read(info).decode() for info in archive.infolist()}


def write_parts(name, parts):
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for filename, content in parts.items():
            archive.writestr(zipfile.ZipInfo(filename, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def replaced(text, before, after):
    assert before in text, before
    return text.replace(before, after)


def shared(name, source):
    """The same workbook with its texts in a part of their own, as Excel writes them and this openpyxl does not."""
    parts = parts_of(source)
    texts = []

    def share(match):
        texts.append(match[2])
        return f'<c{match[1]} t="s"><v>{len(texts) - 1}</v></c>'

    for part in [part for part in parts if part.startswith("xl/worksheets/sheet")]:
        parts[part] = re.sub(r'<c([^>]*) t="inlineStr"><is>(.*?)</is></c>', share, parts[part], flags=re.S)
    items = "".join(f"<si>{text}</si>" for text in texts)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts["xl/sharedStrings.xml"] = f'<?xml version="1.0" encoding="UTF-8"?><sst xmlns="{space}">{items}</sst>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relations = "xl/_rels/workbook.xml.rels"
    parts[relations] = replaced(
        parts[relations],
        "</Relationships>",
        f'<Relationship Id="rIdShared" Type="{kind}" Target="sharedStrings.xml"/></Relationships>',
    )
    write_parts(name, parts)


def sheet_of(book, title="Employees"):
    sheet = book.active
    sheet.title = title
    sheet.append(header)
    return sheet


def odd():
    book = Workbook()
    sheet = sheet_of(book)
    start = datetime.date(2020, 2, 29)
    sheet.append(["00123", "zoe@example.com", "Zoë", "Warehouse", "Active", start, None, "text id"])
    sheet.append([100012345678, "ana@example.com", "Ana", "Sales", "Active", datetime.datetime(2020, 12, 31, 23, 59, 59), None, 0.5])
    sheet["H3"].number_format = "0.0%"
    sheet.append([123.0, "bo@example.com", "Bo", "Sales", "Active", "2019-01-02", datetime.date(2036, 3, 1), True])
    sheet["A4"].number_format = "000000"
    sheet.append([12345678901234567890, "cy@example.com", "Cy", "IT", "Active", start, None, "too many digits"])
    sheet.append(["D-5", "dana@example.com", "Dana", "IT", "Active", start, None, datetime.time(8, 30)])
    sheet.append([6, "eve@example.com", "#REF!", "IT", "Active", start, None, None])
    sheet["C7"].data_type = "e"
    sheet.append([7, "fay@example.com", "Fay", '=CONCATENATE("I","T")', "Active", start, None, None])
    sheet.append([8, "gus@example.com", 'Gus "G" \\ H', "IT", "Active", 0, None, None])
    sheet["F9"].number_format = "dd/mm/yyyy"
    sheet.append([])
    sheet.append([9, "hana@example.com", "  Hana\n", "IT", "Inactive", start, None, 0.1 + 0.2])
    sheet.append([10, "ivo@example.com", "Ivo", "IT", "Active", 43831, None, -1.50])
    sheet["F12"].number_format = "[$-407]d. mmmm yyyy;@"
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["D"].hidden = True
    sheet.merge_cells("G5:H5")
    sheet.append([11, "kim@example.com", '="K"&"im"', "IT", "Active", start, None, None])
    other = book.create_sheet("Leavers")
    other.append(["Worker ID"])
    save(book, "odd.xlsx")
    parts = parts_of("odd.xlsx")
    cells = parts["xl/worksheets/sheet1.xml"]
    cells = replaced(
        cells,
        "<is><t>Dana</t></is>",
        '<is><r><t>D</t></r><r><rPr><b/></rPr><t>an</t></r><r><t>a</t></r><rPh sb="0" eb="1"><t>x</t></rPh></is>',
    )
    cells = replaced(
        cells,
        '<c r="C13"><f>"K"&amp;"im"</f><v></v></c>',
        '<c r="C13" t="str"><f>"K"&amp;"im"</f><v>Kim</v></c>',
    )
    parts["xl/worksheets/sheet1.xml"] = cells
    write_parts("odd.xlsx", parts)
    shared("odd-shared.xlsx", "odd.xlsx")


def system_1904():
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = sheet_of(book)
    sheet.append(["1", "a@example.com", "Ann", "IT", "Active", datetime.date(2020, 2, 29), datetime.date(1904, 1, 2), None])
    save(book, "1904.xlsx")


def titled():
    book = Workbook()
    book.active.title = "Cover"
    book.active.append(["Nothing here"])
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet("Staff")
    sheet.append(["Headcount of Harbour Ltd"])
    sheet.merge_cells("A1:D1")
    sheet.append([])
    sheet.append(["Created", datetime.date(2026, 1, 1)])
    sheet.append(header)
    sheet.append(["1", "a@example.com", "Ann", "IT", "Active"])
    sheet.append(["2", "b@example.com", "Bob", "IT", "Active"])
    sheet.append(["Total", 2])
    save(book, "titled.xlsx")


def covered():
    """A sheet that people see first, and that has no people."""
    book = Workbook()
    book.active.title = "Read me"
    book.active.append(["Headcount of Harbour Ltd", "as of today"])
    sheet = book.create_sheet("Staff")
    sheet.append(header)
    for n in range(40):
        sheet.append([f"{n:05}", f"p{n}@example.com", "Ann", "IT", "Active", datetime.date(2020, 1, 1), None, None])
    save(book, "covered.xlsx")


def write_only():
    """As reports of large companies are written: inline strings, no shared ones."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Employees")
    sheet.append(header)
    for n in range(200):
        sheet.append([f"{n:05}", f"p{n}@example.com", "Ann", "IT", "Active", datetime.date(2020, 1, 1), None, None])
    save(book, "many.xlsx")


def staff():
    """Forty people, and the same with two who have left."""
    for name, leavers in (("staff.xlsx", ()), ("staff-leavers.xlsx", (3, 7))):
        book = Workbook()
        sheet = book.active
        sheet.title = "Staff"
        sheet.append(["WorkerID", "WorkEmail", "FirstName", "LastName", "Department", "WorkerStatus", "HireDate"])
        for n in range(40):
            status = "Terminated" if n in leavers else "Active"
            hired = datetime.date(2020, 1 + n % 12, 1 + n % 28)
            sheet.append([f"{n:05}", f"p{n}@example.com", "Zoë", f"Okafor {n}", "Warehouse", status, hired])
        save(book, name)


for make in (staff, odd, system_1904, titled, covered, write_only):
    make()
