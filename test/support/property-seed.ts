import fc from 'fast-check';

// A property that fails prints the seed that it drew from; given here, it is drawn from again. Without one each run has its own.
const seed = Number(process.env['ROLLCALL_SOAK_SEED']);
if (Number.isSafeInteger(seed)) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
