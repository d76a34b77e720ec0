/**
 * What every address of a team answers: the status by role and shape, for reading and for acting.
 * team-access.spec.ts checks it and fails for a route that is not listed here. A redirect is 202 in
 * the `.data` shape.
 */
export type Role = 'stranger' | 'outsider' | 'viewer' | 'member' | 'finance' | 'owner'
type Cells = Record<Role, number>

export type Facts = {
  slug: string
  ownersKey: string
  membersKey: string
  memberId: string
  /** A service account and its key. */
  serviceId: string
  servicesKey: string
  token: string
  masterKey: string
}

export type Row = {
  /** The route's id, as the build names it. */
  route: string
  path: (facts: Facts) => string
  /** GET and HEAD of the document. */
  read: Cells
  /** The same as `.data`, where it differs. */
  readData?: Cells
  /** POST, PUT, PATCH and DELETE with a form of no known intent; with `?index` where forms have it. */
  act: Cells
  actData?: Cells
  index?: true
}

const nobody = { stranger: 404, outsider: 404 }
const members: Cells = { ...nobody, viewer: 200, member: 200, finance: 200, owner: 200 }
const money: Cells = { ...nobody, viewer: 404, member: 404, finance: 200, owner: 200 }
/** Whoever has a budget. */
const holders: Cells = { ...nobody, viewer: 404, member: 200, finance: 200, owner: 200 }
const owners: Cells = { ...nobody, viewer: 404, member: 404, finance: 404, owner: 200 }
/** A route without an action answers everybody the same. */
const noAction: Cells = {
  stranger: 405,
  outsider: 405,
  viewer: 405,
  member: 405,
  finance: 405,
  owner: 405,
}
const membersAct = (status: number): Cells => ({
  ...nobody,
  viewer: status,
  member: status,
  finance: status,
  owner: status,
})
const holdersAct = (status: number): Cells => ({
  ...holders,
  member: status,
  finance: status,
  owner: status,
})
const moneyAct = (status: number): Cells => ({
  ...nobody,
  viewer: 404,
  member: 404,
  finance: status,
  owner: status,
})
const ownersAct = (status: number): Cells => ({
  ...nobody,
  viewer: 404,
  member: 404,
  finance: 404,
  owner: status,
})

export const teamTable: Row[] = [
  {
    route: 'routes/t.new',
    path: () => '/t/new',
    read: { stranger: 303, outsider: 200, viewer: 200, member: 200, finance: 200, owner: 200 },
    readData: { stranger: 202, outsider: 200, viewer: 200, member: 200, finance: 200, owner: 200 },
    act: { stranger: 303, outsider: 422, viewer: 422, member: 422, finance: 422, owner: 422 },
    actData: { stranger: 202, outsider: 422, viewer: 422, member: 422, finance: 422, owner: 422 },
  },
  {
    route: 'routes/t.join.$token',
    path: ({ token }) => `/t/join/${token}`,
    read: { stranger: 303, outsider: 200, viewer: 200, member: 200, finance: 200, owner: 200 },
    readData: { stranger: 202, outsider: 200, viewer: 200, member: 200, finance: 200, owner: 200 },
    act: { stranger: 303, outsider: 0, viewer: 303, member: 303, finance: 303, owner: 303 },
    actData: { stranger: 202, outsider: 0, viewer: 202, member: 202, finance: 202, owner: 202 },
  },
  {
    route: 'routes/t.join.$token',
    path: () => '/t/join/nobody-has-made-this',
    read: { stranger: 303, outsider: 404, viewer: 404, member: 404, finance: 404, owner: 404 },
    readData: { stranger: 202, outsider: 404, viewer: 404, member: 404, finance: 404, owner: 404 },
    act: { stranger: 303, outsider: 409, viewer: 409, member: 409, finance: 409, owner: 409 },
    actData: { stranger: 202, outsider: 409, viewer: 409, member: 409, finance: 409, owner: 409 },
  },
  {
    route: 'routes/t.$team._index',
    path: ({ slug }) => `/t/${slug}`,
    read: { ...nobody, viewer: 303, member: 303, finance: 303, owner: 303 },
    readData: { ...nobody, viewer: 202, member: 202, finance: 202, owner: 202 },
    act: noAction,
    index: true,
  },
  {
    route: 'routes/t.$team.dashboard',
    path: ({ slug }) => `/t/${slug}/dashboard`,
    read: members,
    act: membersAct(422),
  },
  {
    route: 'routes/t.$team.my-keys',
    path: ({ slug }) => `/t/${slug}/my-keys`,
    read: members,
    act: noAction,
  },
  {
    route: 'routes/t.$team.store',
    path: ({ slug }) => `/t/${slug}/store`,
    read: holders,
    act: holdersAct(422),
  },
  {
    route: 'routes/t.$team.members',
    path: ({ slug }) => `/t/${slug}/members`,
    read: money,
    act: ownersAct(400),
  },
  {
    route: 'routes/t.$team.members_.$member',
    path: ({ slug, memberId }) => `/t/${slug}/members/${encodeURIComponent(memberId)}`,
    read: money,
    act: ownersAct(422),
  },
  {
    route: 'routes/t.$team.members_.$member',
    path: ({ slug, serviceId }) => `/t/${slug}/members/${encodeURIComponent(serviceId)}`,
    read: money,
    act: ownersAct(422),
  },
  {
    route: 'routes/t.$team.service-accounts',
    path: ({ slug }) => `/t/${slug}/service-accounts`,
    read: money,
    act: ownersAct(400),
  },
  {
    route: 'routes/t.$team.budgets',
    path: ({ slug }) => `/t/${slug}/budgets`,
    read: money,
    act: moneyAct(400),
  },
  {
    route: 'routes/t.$team.limits',
    path: ({ slug }) => `/t/${slug}/limits`,
    read: money,
    act: moneyAct(400),
  },
  {
    route: 'routes/t.$team.corrections',
    path: ({ slug }) => `/t/${slug}/corrections`,
    read: money,
    act: moneyAct(400),
  },
  {
    route: 'routes/t.$team.vault',
    path: ({ slug }) => `/t/${slug}/vault`,
    read: owners,
    act: ownersAct(400),
  },
  {
    route: 'routes/t.$team.close',
    path: ({ slug }) => `/t/${slug}/close`,
    read: owners,
    act: ownersAct(422),
  },
  {
    route: 'routes/t.$team.spending',
    path: ({ slug }) => `/t/${slug}/spending`,
    read: members,
    act: noAction,
  },
  {
    route: 'routes/t.$team.spending[.]csv',
    path: ({ slug }) => `/t/${slug}/spending.csv`,
    read: members,
    act: noAction,
  },
  {
    route: 'routes/t.$team.ledger',
    path: ({ slug }) => `/t/${slug}/ledger`,
    read: members,
    act: noAction,
  },
  {
    route: 'routes/t.$team.ledger[.]csv',
    path: ({ slug }) => `/t/${slug}/ledger.csv`,
    read: members,
    act: noAction,
  },
  {
    route: 'routes/t.$team.notifications',
    path: ({ slug }) => `/t/${slug}/notifications`,
    read: members,
    act: membersAct(400),
  },
  {
    route: 'routes/t.$team.audit',
    path: ({ slug }) => `/t/${slug}/audit`,
    read: money,
    act: noAction,
  },
  {
    route: 'routes/t.$team.audit[.]csv',
    path: ({ slug }) => `/t/${slug}/audit.csv`,
    read: money,
    act: noAction,
  },
  {
    route: 'routes/t.$team.keys.$key._index',
    path: ({ slug, ownersKey }) => `/t/${slug}/keys/${ownersKey}`,
    read: owners,
    act: ownersAct(400),
    index: true,
  },
  {
    route: 'routes/t.$team.keys.$key._index',
    path: ({ slug, membersKey }) => `/t/${slug}/keys/${membersKey}`,
    read: { ...nobody, viewer: 404, member: 200, finance: 404, owner: 200 },
    act: { ...nobody, viewer: 404, member: 400, finance: 404, owner: 400 },
    index: true,
  },
  {
    route: 'routes/t.$team.keys.$key._index',
    path: ({ slug, servicesKey }) => `/t/${slug}/keys/${servicesKey}`,
    read: owners,
    act: ownersAct(400),
    index: true,
  },
  {
    route: 'routes/t.$team.keys.$key.reveal',
    path: ({ slug, servicesKey }) => `/t/${slug}/keys/${servicesKey}/reveal`,
    read: { ...nobody, viewer: 303, member: 303, finance: 303, owner: 303 },
    readData: { ...nobody, viewer: 202, member: 202, finance: 202, owner: 202 },
    act: ownersAct(200),
  },
  {
    route: 'routes/t.$team.keys.$key.reveal',
    path: ({ slug, ownersKey }) => `/t/${slug}/keys/${ownersKey}/reveal`,
    read: { ...nobody, viewer: 303, member: 303, finance: 303, owner: 303 },
    readData: { ...nobody, viewer: 202, member: 202, finance: 202, owner: 202 },
    act: ownersAct(200),
  },
  {
    route: 'routes/t.$team.keys.$key.reveal',
    path: ({ slug, membersKey }) => `/t/${slug}/keys/${membersKey}/reveal`,
    read: { ...nobody, viewer: 303, member: 303, finance: 303, owner: 303 },
    readData: { ...nobody, viewer: 202, member: 202, finance: 202, owner: 202 },
    act: { ...nobody, viewer: 404, member: 200, finance: 404, owner: 404 },
  },
]
