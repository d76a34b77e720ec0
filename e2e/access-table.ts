/**
 * Who gets what from every address of the admin side: status by role, for reading and for acting.
 * Checked by access.spec.ts in every shape in which Remix answers; a route that is not listed here
 * fails the run.
 */
/** The organizer is one of another workshop than the table's: at home see access.spec.ts. */
export type Role = 'stranger' | 'attendee' | 'organizer' | 'viewer' | 'admin'
export type Statuses = Record<Role, number>

export type Row = {
  /** The route's id, as the build names it. */
  route: string
  /** An address of it; `facts` are ids of what the run has made. */
  path: (facts: Facts) => string
  read: Statuses
  /** What POST, PUT, PATCH and DELETE answer. An admin's are not tried: they would act. */
  act: Omit<Statuses, 'admin'>
}

export type Facts = { slug: string; claimId: string; bulkId: string; jobId: string }

/** Strangers are sent to sign in, whatever an address names: that reveals nothing. */
const toSignIn = 303
const staffMayRead: Statuses = {
  stranger: toSignIn,
  attendee: 404,
  organizer: 404,
  viewer: 200,
  admin: 200,
}
const adminsMayRead: Statuses = {
  stranger: toSignIn,
  attendee: 404,
  organizer: 404,
  viewer: 404,
  admin: 200,
}
/** An action that answers to admins alone: to everybody else it does not exist. */
const adminsMayAct = { stranger: toSignIn, attendee: 404, organizer: 404, viewer: 404 }
/** A route without an action says so to everybody, and says nothing else. */
const nobodyActs = { stranger: 405, attendee: 405, organizer: 405, viewer: 405 }

export const adminTable: Row[] = [
  { route: 'routes/admin._index', path: () => '/admin', read: staffMayRead, act: nobodyActs },
  { route: 'routes/admin.find', path: () => '/admin/find', read: staffMayRead, act: nobodyActs },
  {
    route: 'routes/admin.reconcile',
    path: () => '/admin/reconcile',
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop._index',
    path: ({ slug }) => `/admin/w/${slug}`,
    read: staffMayRead,
    act: nobodyActs,
  },
  {
    route: 'routes/admin.w.$workshop.c.$claim',
    path: ({ slug, claimId }) => `/admin/w/${slug}/c/${claimId}`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.mint',
    path: () => '/admin/w/small-keys/mint',
    read: adminsMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.act',
    path: ({ slug, claimId }) =>
      `/admin/w/${slug}/act?${new URLSearchParams({ action: 'bind', claim: claimId }).toString()}`,
    read: adminsMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.access',
    path: ({ slug }) => `/admin/w/${slug}/access`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.work.$bulk',
    path: ({ slug, bulkId }) => `/admin/w/${slug}/work/${bulkId}`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.export[.]csv',
    path: ({ slug }) => `/admin/w/${slug}/export.csv`,
    read: staffMayRead,
    act: nobodyActs,
  },
  {
    route: 'routes/admin.w.$workshop.receipt',
    path: ({ slug }) => `/admin/w/${slug}/receipt`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.receipt[.]csv',
    path: ({ slug }) => `/admin/w/${slug}/receipt.csv`,
    read: staffMayRead,
    act: nobodyActs,
  },
  {
    route: 'routes/admin.w.$workshop.announce',
    path: ({ slug }) => `/admin/w/${slug}/announce`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.w.$workshop.requests',
    path: ({ slug }) => `/admin/w/${slug}/requests`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.audit._index',
    path: () => '/admin/audit',
    read: staffMayRead,
    act: nobodyActs,
  },
  {
    route: 'routes/admin.audit.export',
    path: () => '/admin/audit/export?format=jsonl&action=claim.made',
    read: staffMayRead,
    act: nobodyActs,
  },
  {
    route: 'routes/admin.alerts',
    path: () => '/admin/alerts',
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.ban',
    path: () => '/admin/ban',
    read: adminsMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.doctor',
    path: () => '/admin/doctor',
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.queue._index',
    path: () => '/admin/queue',
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.queue.schedules',
    path: () => '/admin/queue/schedules',
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.queue.$job',
    path: ({ jobId }) => `/admin/queue/${jobId}`,
    read: staffMayRead,
    act: adminsMayAct,
  },
  {
    route: 'routes/admin.queue.export',
    path: () => '/admin/queue/export?tab=done',
    read: staffMayRead,
    act: nobodyActs,
  },
]
