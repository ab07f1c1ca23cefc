import { enterpriseSchema } from '../../src/providers/scim/schema.ts';

/** The attributes of a SCIM user beyond its names, each with a value (RFC 7643, 4.1 and 4.3). */
export function wholeUser(department: string, email: string): Readonly<Record<string, unknown>> {
  return {
    displayName: 'Clerk 1',
    nickName: 'Zo',
    profileUrl: 'https://example.com/zo',
    title: 'Clerk',
    userType: 'Employee',
    preferredLanguage: 'en-IE',
    locale: 'en-IE',
    timezone: 'Europe/Dublin',
    emails: [
      { value: email, type: 'work', primary: true },
      { value: 'home@example.org', type: 'home' },
    ],
    phoneNumbers: [{ value: '+353 1 555 0199', type: 'work' }],
    ims: [{ value: 'zo', type: 'xmpp' }],
    photos: [{ value: 'https://example.com/zo.png', type: 'photo' }],
    addresses: [
      { type: 'work', country: 'IE', locality: 'Cork', streetAddress: '1 Quay' },
      { type: 'home', country: 'FR' },
    ],
    entitlements: [{ value: 'reports' }],
    roles: [{ value: 'Clerk', primary: true }, { value: 'Warden' }],
    x509Certificates: [{ value: 'MIIB' }],
    [enterpriseSchema]: {
      employeeNumber: '77',
      costCenter: 'CC1',
      organization: 'Fern',
      division: 'East',
      department,
      manager: { value: 'id-9', displayName: 'Bo Lind' },
    },
  };
}
