/**
 * The people who can sign in at the two stand-ins. The same at every start, ids included:
 * an id comes from the login or the address, never from the order of this list.
 */
import { createHash } from 'node:crypto'

export type Provider = 'github' | 'google'
/**
 * One line of the printed list. `login` is the address for Google; `email` is empty for who has
 * none.
 */
export type Person = {
  provider: Provider
  login: string
  email: string
  name: string
  note?: string
}

export type GithubEmail = {
  email: string
  primary: boolean
  verified: boolean
  visibility: 'public' | 'private' | null
}
export type GithubPerson = {
  id: number
  login: string
  name: string | null
  createdAt: string
  emails: GithubEmail[]
  note?: string
}
export type GooglePerson = {
  sub: string
  email: string
  emailVerified: boolean
  name: string
  givenName: string
  familyName: string
  hd?: string
  note?: string
}

const givenNames = [
  'Amara Bruno Chiara Dmitri Elif Farid Greta Hana Idris Jonas Keiko Lucia Mateo Nadia Oskar',
  'Priya Quentin Rosa Samir Tove Ulrich Vera Wanjiru Ximena Yusuf Zofia Anselm Bettina Cormac Daria',
].flatMap((line) => line.split(' '))
const familyNames = [
  'Adeyemi Berg Castillo Dubois Eriksen Fischer Garcia Haddad Ivanova Jansen Kowalski Lindqvist Moreau',
  'Nakamura Okafor Petrov Quist Rossi Sato Tanaka Ueda Varga Weber Xu Yilmaz Zimmermann',
].flatMap((line) => line.split(' '))
const ordinaryDomains = ['gmail.com', 'proton.me', 'example.org', 'fastmail.test', 'mail.test']
const workspaces = ['northwind.test', 'ducklab.test', 'keymint.test']

/**
 * How many ordinary people there are at each provider, and how many of them are at both with the
 * same address.
 */
export const headcount = { github: 200, google: 150, both: 45 }

export const githubPeople: GithubPerson[] = unique(
  [...specialGithubPeople(), ...range(headcount.github).map(ordinaryGithubPerson)],
  ({ login, id }) => [login, String(id)],
)
export const googlePeople: GooglePerson[] = unique(
  // The last of GitHub's people are the first of Google's.
  [
    ...specialGooglePeople(),
    ...range(headcount.google).map((n) =>
      ordinaryGooglePerson(headcount.github - headcount.both + n),
    ),
  ],
  ({ email, sub }) => [email, sub],
)

export const people: Person[] = [
  ...githubPeople.map(({ login, name, emails, note }): Person => ({
    provider: 'github',
    login,
    email: emails.find(({ primary }) => primary)?.email ?? '',
    name: name ?? login,
    ...(note ? { note } : {}),
  })),
  ...googlePeople.map(({ email, name, note }): Person => ({
    provider: 'google',
    login: email,
    email,
    name,
    ...(note ? { note } : {}),
  })),
]

/** As stable as the login: another start, another order or another list gives the same number. */
export function githubIdOf(login: string): number {
  return (
    1_000_000 +
    (createHash('sha256').update(`github:${login.toLowerCase()}`).digest().readUInt32BE(0) %
      200_000_000)
  )
}

/** Google's sub: 21 digits, the same at every start. */
export function googleSubOf(email: string): string {
  const digest = createHash('sha256').update(`google:${email.toLowerCase()}`).digest()
  const number = digest.readBigUInt64BE(0) * 10n + BigInt(digest.readUInt8(8) % 10)
  return `1${number.toString().padStart(20, '0').slice(-20)}`
}

function specialGithubPeople(): GithubPerson[] {
  const one = (
    login: string,
    name: string | null,
    emails: GithubEmail[],
    note?: string,
    createdAt = '2016-05-12T08:30:00Z',
  ): GithubPerson => ({
    id: githubIdOf(login),
    login,
    name,
    createdAt,
    emails,
    ...(note ? { note } : {}),
  })
  return [
    one('admin', 'Ada Admin', [primary('admin@keymint.test')], 'the organiser'),
    one('viewer', 'Vito Viewer', [primary('viewer@keymint.test')], 'may look, not touch'),
    one('owner', 'Olive Owner', [primary('owner@keymint.test')], 'owns a team'),
    one('member', 'Milo Member', [primary('member@keymint.test')], 'member of a team'),
    one(
      'unverified',
      'Una Verified',
      [
        {
          email: 'una.verified@example.org',
          primary: true,
          verified: false,
          visibility: 'private',
        },
      ],
      'address not verified',
    ),
    one(
      'impostor',
      'Ada Admin',
      [{ email: 'admin@keymint.test', primary: true, verified: false, visibility: 'private' }],
      "claims the organiser's address, not verified",
    ),
    one('no-email', 'Noe Mail', [], 'no address at all'),
    one('no-name', null, [primary('no.name@example.org')], 'no display name'),
    one(
      'many-emails',
      'Manny Mails',
      [
        { email: 'manny@old-job.test', primary: false, verified: false, visibility: null },
        {
          email: '1234567+many-emails@users.noreply.github.com',
          primary: false,
          verified: true,
          visibility: null,
        },
        { email: 'manny.work@ducklab.test', primary: false, verified: true, visibility: null },
        primary('Manny.Mails@Example.ORG'),
      ],
      'four addresses, the primary one in mixed case',
    ),
    one(
      'secondary-only',
      'Sec Ondary',
      [
        { email: 'sec.primary@example.org', primary: true, verified: false, visibility: 'private' },
        { email: 'sec.other@example.org', primary: false, verified: true, visibility: null },
      ],
      'primary address not verified, another one is',
    ),
    one(
      'twin-dots',
      'Tara Twin',
      [primary('tara.twin@gmail.com')],
      'the same Gmail mailbox as twin-plus',
    ),
    one(
      'twin-plus',
      'Tara Twin',
      [primary('TaraTwin+workshop@googlemail.com')],
      'the same Gmail mailbox as twin-dots',
    ),
    one(
      'newcomer',
      'Nia Newcomer',
      [primary('nia.newcomer@example.org')],
      'account made yesterday',
      new Date(Date.now() - 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z'),
    ),
  ]
}

function specialGooglePeople(): GooglePerson[] {
  return [
    {
      ...google('unverified@example.com', 'Ugo Unverified'),
      emailVerified: false,
      note: 'address not verified',
    },
    {
      ...google('taratwin@gmail.com', 'Tara Twin'),
      note: 'the same Gmail mailbox as twin-dots on GitHub',
    },
    {
      ...google('viewer@keymint.test', 'Vito Viewer'),
      hd: 'keymint.test',
      note: 'the viewer, at a workspace',
    },
    {
      ...google('Mixed.Case@Northwind.test', 'Mika Mixed'),
      hd: 'northwind.test',
      note: 'address in mixed case',
    },
  ]
}

function ordinaryGithubPerson(n: number): GithubPerson {
  const { given, family } = nameOf(n)
  const login = `${given}-${family}`.toLowerCase()
  const day = createHash('sha256').update(login).digest()
  const createdAt = new Date(
    Date.UTC(
      2010 + (day.readUInt8(0) % 15),
      day.readUInt8(1) % 12,
      1 + (day.readUInt8(2) % 28),
      day.readUInt8(3) % 24,
      day.readUInt8(4) % 60,
    ),
  )
  return {
    id: githubIdOf(login),
    login,
    name: `${given} ${family}`,
    createdAt: createdAt.toISOString().replace('.000Z', 'Z'),
    emails: [primary(emailOf(n))],
  }
}

function ordinaryGooglePerson(n: number): GooglePerson {
  const { given, family } = nameOf(n)
  const email = emailOf(n)
  const domain = email.slice(email.indexOf('@') + 1)
  return {
    ...google(email, `${given} ${family}`),
    ...(workspaces.includes(domain) ? { hd: domain } : {}),
  }
}

function google(email: string, name: string): GooglePerson {
  const [givenName = '', ...rest] = name.split(' ')
  return {
    sub: googleSubOf(email),
    email,
    emailVerified: true,
    name,
    givenName,
    familyName: rest.join(' '),
  }
}

// 30 and 26 share only the factor 2, and the shift by n / 390 parts the two halves: 780 names
// before one repeats.
function nameOf(n: number): { given: string; family: string } {
  return {
    given: givenNames[n % givenNames.length] as string,
    family: familyNames[(n + Math.floor(n / 390)) % familyNames.length] as string,
  }
}

function emailOf(n: number): string {
  const { given, family } = nameOf(n)
  const domains = n % 3 === 0 ? workspaces : ordinaryDomains
  return `${given}.${family}@${domains[Math.floor(n / 3) % domains.length]}`.toLowerCase()
}

function primary(email: string): GithubEmail {
  return { email, primary: true, verified: true, visibility: 'private' }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}

function unique<T>(list: T[], keysOf: (item: T) => string[]): T[] {
  const seen = new Set<string>()
  for (const key of list.flatMap(keysOf)) {
    if (seen.has(key)) throw new Error(`Two seeded people share ${key}.`)
    seen.add(key)
  }
  return list
}
