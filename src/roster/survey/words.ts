/** What a column may be, besides the fields of a person: for rules, and to be told of. */
export type ColumnMeaning =
  | 'id'
  | 'email'
  | 'firstName'
  | 'lastName'
  | 'fullName'
  | 'department'
  | 'status'
  | 'startDate'
  | 'endDate'
  | 'manager'
  | 'onLeave'
  | 'forRules';

/**
 * How headers name them, in English, German, French, Spanish and Polish; in the order in which they are preferred where a file
 * has several. Without accents, spaces and signs.
 */
const words: Readonly<Record<ColumnMeaning, string>> = {
  id: `employeenumber employeeno employeenr employeeid employeecode workerid workernumber empid empno empnumber emplid personnelnumber personnelno
    personnumber personid staffnumber staffno staffid payrollnumber associateid hrid personalnummer personalnr persnr pernr mitarbeiternummer
    mitarbeiternr mitarbeiterid mitarbeiterkennung matricule matriculesalarie numeroemploye numerosalarie numerodesalarie idemploye
    idsalarie numeroempleado numerodeempleado numempleado noempleado nodeempleado nempleado idempleado codigoempleado codigodeempleado legajo matricula
    numerpracownika nrpracownika idpracownika numerewidencyjny nrewidencyjny numerosobowy numerkadrowy userid id nr`,
  email: `workemail emailwork primaryworkemail businessemail businessemailaddress companyemail corporateemail officialemail emailaddress
    workemailaddress email emailid mail mailaddress emailadresse mailadresse dienstlicheemail geschaeftlicheemail geschaftlicheemail emaildienstlich
    emailgeschaftlich emailgeschaeftlich adresseemail adressemail emailprofessionnel mailprofessionnel courriel adressecourriel
    correoelectronico correo emailcorporativo emailempresa correocorporativo emailtrabajo adresemail emailsluzbowy pocztaelektroniczna
    adrespocztyelektronicznej userprincipalname upn`,
  firstName: `firstname givenname legalfirstname preferredfirstname forename first vorname rufname prenom nombre nombres primernombre imie imiona`,
  lastName: `lastname familyname surname legallastname last nachname familienname zuname nom nomdefamille apellido apellidos primerapellido nazwisko`,
  fullName: `fullname displayname employeename workername name employee worker vollername vollstandigername mitarbeitername mitarbeiter namevorname nachnamevorname
    nomcomplet nometprenom nomprenom prenomnom nomduslarie collaborateur nombrecompleto nombreyapellidos apellidosynombre
    apellidosynombres empleado imieinazwisko nazwiskoiimie pracownik`,
  department: `department departmentname dept deptname departmentdescription organizationalunit orgunit team businessunit abteilung abteilungsname bereich
    organisationseinheit departement service direction departamento area seccion dzial departament jednostkaorganizacyjna wydzial`,
  status: `workerstatus employmentstatus employeestatus empstatus status activestatus hrstatus personstatus staffstatus beschaftigungsstatus
    beschaeftigungsstatus mitarbeiterstatus anstellungsstatus statut statutemploye statutsalarie situation etat estado estadoempleado situacion
    statuspracownika statuszatrudnienia stan active isactive aktiv actif activo`,
  startDate: `hiredate originalhiredate dateofhire startdate employmentstartdate dateofjoining joindate joiningdate entrydate start hired eintrittsdatum eintritt
    einstellungsdatum beginn dateembauche datedembauche dateentree datedentree datedebut datedarrivee fechaalta fechadealta fechacontratacion
    fechadecontratacion fechaingreso fechadeingreso fechainicio datazatrudnienia datarozpoczecia datarozpoczeciapracy poczatekpracy`,
  endDate: `terminationdate enddate termdate employmentenddate lastworkingday lastdayofwork lastday leavedate leavingdate dateofleaving exitdate contractend austrittsdatum
    austritt vertragsende ende datesortie datedesortie datefin datedefin datefincontrat datedepart datededepart fechabaja fechadebaja fechafin fechasalida
    fechacese fechadecese datazwolnienia datazakonczenia datazakonczeniapracy koniecpracy`,
  manager: `managerid managernumber managerempid manageremployeeid manageremail supervisorid supervisor supervisoremail manager reportsto lineman linemanager
    vorgesetzter fuhrungskraft fuehrungskraft responsable responsablehierarchique superieurhierarchique jefe jefedirecto supervisordirecto
    przelozony kierownik menedzer`,
  onLeave: `onleave leave isonleave leaveofabsence loa beurlaubt inelternzeit enconge absencelonguedure enexcedencia naurlopie`,
  forRules: `location worklocation site office city country countrycode company companyname legalentity entity division costcenter costcentre jobtitle title position
    jobfamily employmenttype employeetype workertype contracttype standort arbeitsort niederlassung land gesellschaft firma kostenstelle stelle
    stellenbezeichnung position funktion vertragsart lieu site lieudetravail pays societe entite centredecout poste intituleposte fonction typecontrat
    typedecontrat ubicacion sede centrodetrabajo pais empresa sociedad centrodecoste puesto cargo tipocontrato tipodecontrato lokalizacja
    oddzial miasto kraj spolka firma mpk stanowisko rodzajumowy`,
};

const ranks = new Map<string, { readonly meaning: ColumnMeaning; readonly rank: number }>();
for (const [meaning, list] of Object.entries(words) as [ColumnMeaning, string][])
  for (const [rank, word] of list.split(/\s+/).entries())
    if (!ranks.has(word)) ranks.set(word, { meaning, rank });

const lettersOf = (name: string): string =>
  name
    .replaceAll(/[łŁ]/g, 'l')
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');

/** What a header's cell names, and how usual a name for it that is (0 first); undefined of one that names nothing known. */
export function fieldOf(
  name: string,
): { readonly meaning: ColumnMeaning; readonly rank: number } | undefined {
  // Of JSON's `work.email`, the whole and then the end.
  return (
    ranks.get(lettersOf(name)) ??
    (name.includes('.') ? ranks.get(lettersOf(name.slice(name.lastIndexOf('.') + 1))) : undefined)
  );
}

/** What words of a status mean, in the same languages. What may mean two things is not among them. */
const stateWords: Readonly<Record<string, string>> = {
  active: `active employed current working activeemployee inservice hired regular fulltime parttime a aktiv beschaftigt beschaeftigt angestellt tatig imdienst actif active
    enposte present encours activo activa empleado trabajando enactivo aktywny aktywna zatrudniony zatrudniona pracuje true yes y ja oui si tak`,
  leave: `leave onleave leaveofabsence loa paidleave unpaidleave parentalleave maternityleave sabbatical beurlaubt elternzeit inelternzeit mutterschutz ruhend
    langzeitkrank conge enconge congematernite congeparental congesabbatique suspendu excedencia enexcedencia permiso suspendido urlop naurlopie
    urlopmacierzynski urlopwychowawczy zawieszony l`,
  terminated: `terminated inactive left leaver exited separated resigned retired dismissed deceased former formeremployee t inaktiv ausgeschieden ausgetreten
    entlassen pensioniert verrentet verstorben inactif inactive sorti sortie parti partie demissionnaire licencie retraite inactivo inactiva cesado despedido jubilado
    desvinculado nieaktywny nieaktywna zwolniony zwolniona odszedl bylypracownik emerytowany false no n nein non nie`,
  preHire: `prehire prehired pending pendingstart futurehire future onboarding newstarter notstarted vorgemerkt zukunftig zukuenftig eintrittgeplant avenir
    futur embauchefuture pendiente porincorporar futuraalta przyszly oczekujacy`,
};

const states = new Map<string, string>();
for (const [state, list] of Object.entries(stateWords))
  for (const word of list.split(/\s+/)) if (!states.has(word)) states.set(word, state);

/** The state that a status value names; undefined of one that could be anything. */
export function stateOf(value: string): 'preHire' | 'active' | 'leave' | 'terminated' | undefined {
  const found = states.get(lettersOf(value));
  return found === 'active' || found === 'leave' || found === 'terminated' || found === 'preHire'
    ? found
    : undefined;
}
