import type { KeyNote } from '../src/config/reference.ts';

export const referenceIntroduction = `# Configuration

Every key of a configuration file, written from the schema that loads it (\`npm run schema\`). One file is one customer. A
value may be a reference: \`\${NAME}\` takes an environment variable, \`\${file:PATH}\` a secret file. Unknown keys are errors.
Paths are relative to the folder of the file. Editors know the keys by \`config/rollcall.schema.json\`.

A file \`operator.yaml\` beside the customers' has what belongs to no customer: \`control\`, \`alerts\`, and \`defaults\` for keys
that a customer's file leaves out ([many customers](deploy.md#many-customers)).

Durations are \`90s\`, \`15m\`, \`26h\`, \`30d\`, \`5y\`; rates \`5/s\`, \`300/m\`; percentages \`10%\`. Every entry below \`platforms\`
is of a block \`platforms.NAME\`, and has \`provider\`. What a file from HR needs of the roster's keys: [the file from HR](roster.md).
`;

/** What the reference says of each key beside its schema. Keys of the roster all have one; a test sees to it, and to notes of keys that are gone. */
export const keyNotes: Readonly<Record<string, KeyNote>> = {
  customer: {
    what: 'The name that all state is kept under. Left out: the name of the file.',
    example: 'customer: harbour',
  },
  dataDir: {
    what: 'Where the embedded database, its lock and its keys are.',
    example: 'dataDir: /var/lib/rollcall',
  },
  'retention.journal': {
    what: 'How long what happened to each change is kept.',
    why: 'a year of audits, and a month to spare.',
    example: '400d',
  },
  'retention.results': {
    what: 'How long training results are kept.',
    why: 'usual periods of proof.',
    example: '5y',
  },
  'absence.exports': {
    what: 'So many different exports in a row without a person, before they are taken to have left.',
    why: 'one export may lack them by mistake.',
    example: '3',
  },
  'absence.days': { what: 'And so many days.', why: 'three exports may come in an hour.', example: '2' },
  'protect.people': { what: 'Ids of people who are trained and never removed.', example: '["E0001"]' },
  'protect.when': { what: 'The same by a rule.', example: 'person.department == "Board"' },
  'protect.from': { what: 'What they are protected from.', example: '[deactivate]' },
  'ignore.people': { what: 'Ids of people who are not touched at all.', example: '["E0666"]' },
  'ignore.when': { what: 'The same by a rule.', example: 'person.id.startsWith("T")' },
  'approval.expires': {
    what: 'How long what is held can be approved.',
    why: 'a decision is about the roster of that day.',
    example: '24h',
  },
  'roster.source': {
    what: 'A path or a glob, relative to the folder of the file; or where it is fetched from: [fetched from elsewhere](roster.md#fetched-from-elsewhere).',
    example: './hr/roster-*.csv',
  },
  'roster.source.type': { what: 'How it is fetched.', example: 'https' },
  'roster.source.url': {
    what: 'The address of the file, the report or the list.',
    example: 'https://hr.example.com/report',
  },
  'roster.source.auth': {
    what: 'How to sign in there; one of the three ways below.',
    example: `{ token: "\${HR_TOKEN}" }`,
  },
  'roster.source.auth.user': { what: 'Basic: the user.', example: 'rollcall' },
  'roster.source.auth.password': { what: 'Basic: the password.', example: `"\${HR_PASSWORD}"` },
  'roster.source.auth.token': { what: 'Bearer: a token.', example: `"\${HR_TOKEN}"` },
  'roster.source.auth.tokenUrl': {
    what: 'OAuth 2.0 client credentials: where a token is asked for.',
    example: 'https://hr.example.com/token',
  },
  'roster.source.auth.clientId': { what: 'OAuth 2.0: the client.', example: 'rollcall' },
  'roster.source.auth.clientSecret': { what: 'OAuth 2.0: its secret.', example: `"\${HR_SECRET}"` },
  'roster.source.auth.scope': { what: 'OAuth 2.0: the scope, where one is asked for.', example: 'hr.read' },
  'roster.source.headers': { what: 'More headers of every request.', example: '{ x-api-version: "2" }' },
  'roster.source.format': { what: 'With `pages`: what a page is.', example: 'json' },
  'roster.source.records': {
    what: 'With `pages`: where in a page the list is; left out: the page is the list.',
    example: 'data.people',
  },
  'roster.source.pages': {
    what: 'A list that comes in pages, and how to go on.',
    example: '{ by: offset, size: 200, total: metadata.total }',
  },
  'roster.source.pages.by': {
    what: 'By a number of records, a number of pages, a cursor in the page, or a Link header (RFC 8288).',
    example: 'offset',
  },
  'roster.source.pages.offset': {
    what: 'The parameter for the number of records before the page.',
    example: 'offset',
  },
  'roster.source.pages.limit': { what: 'The parameter for the size of a page.', example: 'limit' },
  'roster.source.pages.size': {
    what: 'Records of a page.',
    why: 'what most lists take; larger pages are fewer requests.',
    example: '200',
  },
  'roster.source.pages.total': {
    what: 'Where in a page the number of all records is: the list is whole when it has as many. Left out: read to an empty page.',
    example: 'metadata.total',
  },
  'roster.source.pages.page': { what: 'The parameter for the number of the page.', example: 'page' },
  'roster.source.pages.first': { what: 'The number of the first page: 0 or 1.', example: '0' },
  'roster.source.pages.next': {
    what: 'Where in a page the cursor (or the address) of the next one is.',
    example: 'metadata.next',
  },
  'roster.source.pages.cursor': { what: 'The parameter for the cursor.', example: 'cursor' },
  'roster.source.host': { what: 'The server.', example: 'sftp.example.com' },
  'roster.source.port': { what: 'Its port.', example: '22' },
  'roster.source.user': { what: 'Who signs in.', example: 'rollcall' },
  'roster.source.privateKey': {
    what: 'The private key to sign in with (OpenSSH or PEM); or `password`.',
    example: `"\${file:secrets/sftp}"`,
  },
  'roster.source.passphrase': {
    what: 'Of the private key, if it has one.',
    example: `"\${SFTP_PASSPHRASE}"`,
  },
  'roster.source.password': {
    what: 'The password to sign in with; or `privateKey`.',
    example: `"\${SFTP_PASSWORD}"`,
  },
  'roster.source.hostKey': {
    what: "The fingerprint of the server's key, or a list of them: `ssh-keygen -lf` on the server shows it.",
    why: 'whoever answers in its place would get the credentials, and could send a roster.',
    example: '"SHA256:…"',
  },
  'roster.source.path': {
    what: 'The file there; `*` and `?` in its name, and `roster.pick` of several.',
    example: '/out/roster-*.csv',
  },
  'roster.source.settle': {
    what: 'Between two looks at the file, which have to find the same size and time.',
    why: 'a file that is still being written grows within seconds.',
    example: '30s',
  },
  'roster.source.bucket': { what: 'The bucket.', example: 'hr-exports' },
  'roster.source.region': { what: 'Its region.', example: 'eu-west-1' },
  'roster.source.accessKeyId': {
    what: 'The access key; it may list the bucket and read from it.',
    example: `"\${S3_KEY}"`,
  },
  'roster.source.secretAccessKey': { what: 'Its secret.', example: `"\${S3_SECRET}"` },
  'roster.source.sessionToken': { what: 'Of a temporary credential.', example: `"\${S3_TOKEN}"` },
  'roster.source.endpoint': {
    what: 'The address of another store that speaks S3; left out: AWS.',
    example: 'https://minio.example.com',
  },
  'roster.source.timeout': {
    what: 'How long the whole delivery may take.',
    why: 'reports of large companies take half an hour to be made.',
    example: '1h',
  },
  'roster.pick': {
    what: 'Which of several matches counts: the one modified last, or the last by name.',
    example: 'name',
  },
  'roster.columns': {
    what: 'Which column is which field of a person; names as in the header line, whatever the case. In JSON: paths, such as `work.email`.',
    example: '{ id: WorkerID, email: WorkEmail }',
  },
  'roster.columns.id': { what: 'The employee id: the one identity there is.', example: 'WorkerID' },
  'roster.columns.email': { what: 'The address at work.', example: 'WorkEmail' },
  'roster.columns.firstName': { what: 'The first name.', example: 'FirstName' },
  'roster.columns.lastName': { what: 'The last name.', example: 'LastName' },
  'roster.columns.department': { what: 'The department.', example: 'Department' },
  'roster.columns.status': { what: 'What `roster.state` reads.', example: 'WorkerStatus' },
  'roster.columns.startDate': { what: 'The first day; in the future: preHire.', example: 'HireDate' },
  'roster.columns.endDate': { what: 'The last day; in the past: terminated.', example: 'TermDate' },
  'roster.columns.manager': {
    what: "The manager's id or email. Rules of platforms and fields see person.manager: id, email, firstName, lastName.",
    example: 'ManagerID',
  },
  'roster.columns.previousId': {
    what: 'The id before a change of system: the account goes over.',
    example: 'FormerID',
  },
  'roster.format': {
    what: 'What the roster is written in; found from the content if left out: [formats](roster.md#formats).',
    example: 'xlsx',
  },
  'roster.sheet': {
    what: 'XLSX: the sheet, by name or by number from 1; left out, the first that is not hidden.',
    example: 'Employees',
  },
  'roster.records': {
    what: 'JSON: where the list of records is; left out, it is a list itself.',
    example: 'Report_Entry',
  },
  'roster.decrypt': {
    what: 'The file is an OpenPGP message: what opens it. [Encrypted](roster.md#encrypted).',
  },
  'roster.decrypt.privateKey': {
    what: 'The key that it is encrypted to: the armoured private half, or several one behind the other.',
    example: `"\${file:secrets/rollcall.asc}"`,
  },
  'roster.decrypt.passphrase': {
    what: 'What unlocks the private key; left out where it is not locked.',
    example: `"\${PGP_PASSPHRASE}"`,
  },
  'roster.decrypt.signedBy': {
    what: 'Whose signature it has to bear: the armoured public key, or several.',
    why: 'the public half of the key above is no secret, so whoever has it could send a roster.',
    example: `"\${file:secrets/hr-public.asc}"`,
  },
  'roster.encoding': {
    what: 'The encoding, where it is neither UTF-8 nor UTF-16: [encodings](roster.md#encodings).',
    why: 'no byte says which it is.',
    example: 'windows-1252',
  },
  'roster.delimiter': { what: 'What separates cells; found if left out.', example: '";"' },
  'roster.skip.above': { what: 'Lines or rows above the header, blank ones not counted.', example: '2' },
  'roster.skip.below': { what: 'Rows under the header that are labels.', example: '1' },
  'roster.skip.end': { what: 'Rows at the end that are no people.', example: '1' },
  'roster.empty': {
    what: 'Cells that mean nothing, exactly as written.',
    why: 'Null is a name.',
    example: '["NULL", "N/A", "-"]',
  },
  'roster.noDate': {
    what: 'Dates that mean none, as written or as yyyy-MM-dd.',
    example: '["00.00.0000", "9999-12-31"]',
  },
  'roster.dateFormat': {
    what: 'How dates are written, one for all or by field: yyyy or yy, MM, M, MMM, MMMM, dd, d.',
    example: 'dd.MM.yyyy',
  },
  'roster.dateFormat.startDate': { what: 'Of the start date; left out: yyyy-MM-dd.', example: 'MM/dd/yy' },
  'roster.dateFormat.endDate': { what: 'Of the end date; left out: yyyy-MM-dd.', example: 'yyyy-MM-dd' },
  'roster.timezone': { what: 'Where "today" is, for start and end dates.', example: 'Europe/Dublin' },
  'roster.attributes': {
    what: 'More columns, for rules: person.attributes.NAME.',
    example: '[Location, JobTitle]',
  },
  'roster.state': {
    what: 'Who is active, on leave, gone: the first rule that matches counts; none rejects the row. Left out: the usual English words.',
    example: '[{ is: terminated, when: \'person.status == "Inactive"\' }]',
  },
  'roster.state[].is': { what: 'The state.', example: 'terminated' },
  'roster.state[].when': {
    what: 'The condition: [rules](rules.md).',
    example: 'person.status == "Inactive"',
  },
  'roster.duplicates': { what: 'What becomes of several rows of one id that differ.', example: 'reject' },
  'roster.duplicates.prefer': {
    what: 'Which of them counts.',
    example: 'person.attributes.PrimaryJob == "Y"',
  },
  'roster.expected': {
    what: 'When a new roster has to be there; left out: any is fresh.',
    example: '{ maxAge: 26h }',
  },
  'roster.expected.cron': { what: 'When it is due.', example: '"0 1 * * 1-5"' },
  'roster.expected.timezone': { what: 'In which time zone.', example: 'Europe/Dublin' },
  'roster.expected.grace': { what: 'How much later it may come.', example: '2h' },
  'roster.expected.maxAge': { what: 'Instead of a time: how old it may be.', example: '26h' },
  'roster.maxShrink': {
    what: 'How many rows fewer than the most of 30 days still count as complete.',
    why: 'companies lose a few people a night, never a tenth.',
    example: '10%',
  },
  'roster.maxRejected': { what: 'How many people may have rejected rows.', example: '1%' },
  'roster.maxEmptied': {
    what: "How many of a column's filled cells (at least 5) may come empty before what follows from the column is held.",
    example: '10%',
  },
  'roster.maxRecoded': {
    what: 'How many people (at least 5) may have another value in a column before what follows from it is held.',
    example: '20%',
  },
  'roster.shrinkBy': {
    what: 'A column by whose values the same is asked: a missing subsidiary.',
    example: 'LegalEntity',
  },
  'roster.trailer': {
    what: 'A last line that counts the rows.',
    example: '{ match: "^T,(?<count>\\\\d+)$" }',
  },
  'roster.trailer.match': {
    what: 'A regular expression (RE2) with a group count.',
    example: '"^TRAILER,(?<count>\\\\d+)$"',
  },
  'roster.waitFor': { what: 'How long a scheduled run waits for a roster that is late.', example: '2h' },
  'roster.parts': {
    what: 'Several deliveries instead of one source, each with a name and any key of the roster of its own; what stands beside parts is their default.',
    why: 'what is late, torn or missing in one part holds up the people of that part only.',
    example: '[{ name: employees, source: ./hr/staff.csv }]',
  },
  'roster.parts[].name': {
    what: 'What the part is called in every report. Its history is kept by it.',
    example: 'contractors',
  },
  'roster.parts[].idPrefix': {
    what: 'Stands before every id of the part (and of its previousId), where two systems number people alike.',
    example: '"C-"',
  },
  'roster.onBoth': {
    what: 'One id in two parts: reject leaves the person as they are, first takes the part that stands first.',
    example: 'first',
  },
  'platforms.mode': {
    what: 'observe plans only; additive removes nobody; full does all.',
    example: 'observe',
  },
  'platforms.schedule': { what: 'When it runs. Left out: only when asked.', example: '"0 2 * * *"' },
  'platforms.timezone': { what: 'In which time zone the schedule is.', example: 'Europe/Dublin' },
  'platforms.jitter': {
    what: 'A start up to so much later, so that many do not start at once.',
    example: '10m',
  },
  'platforms.accounts': {
    what: 'Who has an account there: [rules](rules.md).',
    example: 'person.state == "active"',
  },
  'platforms.fields': {
    what: "More of the platform's fields, from the person.",
    example: '{ title: person.attributes.JobTitle }',
  },
  'platforms.limits': {
    what: 'How many changes of a kind pass in 24 hours before they are held: max(floor, min(count, percent of managed accounts)).',
    example: '{ deactivate: { count: 50, percent: 5, floor: 3 } }',
  },
  'platforms.limits.create': { what: 'Left out: 20 %, floor 50.' },
  'platforms.limits.update': { what: 'Left out: 50 %, floor 20.' },
  'platforms.limits.reactivate': { what: 'Left out: 50, 5 %, floor 3.' },
  'platforms.limits.deactivate': {
    what: 'Left out: 50, 5 %, floor 3. The keys below are those of every kind.',
  },
  'platforms.limits.deactivate.count': { what: 'The most by number.', example: '50' },
  'platforms.limits.deactivate.percent': { what: 'The most by share of the accounts managed.', example: '5' },
  'platforms.limits.deactivate.floor': {
    what: 'So many always pass.',
    why: 'of twenty people, 5 % are one.',
    example: '3',
  },
  'platforms.limits.enroll': { what: 'Left out: 50 %, floor 100.' },
  'platforms.limits.unenroll': { what: 'Left out: 200, 10 %, floor 5.' },
  'platforms.rateGroup': {
    what: 'Platforms of one group share a rate. Left out: by host and credential.',
    example: 'keepnet-eu',
  },
  'platforms.leavers': {
    what: 'Whether leavers are deactivated, or taken out of their targets.',
    why: 'training history stays with a deactivated account.',
    example: 'unenroll',
  },
  'platforms.maxShrink': {
    what: 'How many accounts fewer than at the last good read, and members of a target, still count as complete. Left out: `roster.maxShrink`. 100% lets an empty platform pass. Raise it for one run when somebody really cleaned up there.',
    why: 'the roster is proven as before.',
    example: '35%',
  },
  'platforms.staleAfter': {
    what: 'How long without a good run until on-call hears of it. Left out: two missed slots.',
    example: '50h',
  },
  'platforms.heartbeatUrl': {
    what: 'Pinged after a run that ended applied or unchanged.',
    example: 'https://example.com/ping/academy',
  },
  'platforms.timeout': { what: 'How long one request may take.', example: '30s' },
  'alerts.channels': {
    what: 'Where alerts go: [operations](operations.md).',
    example: '[{ type: email, smtp: smtps://mail.example.com, from: a@example.com, to: b@example.com }]',
  },
  'alerts.remindAfter': { what: 'How soon an alert that stands is told again.', example: '24h' },
  'alerts.heartbeatUrl': {
    what: 'Pinged while the service is well.',
    example: 'https://example.com/ping/rollcall',
  },
  'control.listen': {
    what: 'Host and port of pages and control API.',
    why: 'nobody else sees it before there are tokens.',
    example: '0.0.0.0:7654',
  },
  'control.publicUrl': { what: 'The address that alerts link to.', example: 'https://rollcall.example.com' },
  'control.trustedProxies': { what: 'Proxies whose word on addresses counts.', example: '["10.0.0.5"]' },
  'control.tokens': {
    what: 'Who may sign in; the name is what the journal records.',
    example: '[{ name: ops, role: operator, token: … }]',
  },
};
