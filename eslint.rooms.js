/**
 * The rooms of app/domain, from the ground up, each with its front: the files that others may
 * import. A room may use the fronts of the rooms below it, never one beside or above. The files of
 * app/domain itself are the ground.
 */
const rooms = [
  ['audit', ['actions', 'audit.server', 'chain', 'chain.server', 'read.server']],
  [
    'money',
    [
      'budgets.server',
      'committed',
      'member-lock.server',
      'month',
      'open-month.server',
      'pool.server',
      'postings.server',
      'roles',
    ],
  ],
  [
    'workshop',
    [
      'catalog.server',
      'moment',
      'parse',
      'problem',
      'pulse',
      'samples',
      'switches.server',
      'view-types',
      'view.server',
      'workshop',
      'worst-case',
    ],
  ],
  [
    'people',
    [
      'account.server',
      'ban.server',
      'erase.server',
      'export.server',
      'hold-keys.server',
      'holds.server',
      'join-accounts.server',
      'person.server',
      'session.server',
    ],
  ],
  [
    'keys',
    [
      'account-reading.server',
      'accounts.server',
      'apply.server',
      'at-rest.server',
      'attempts.server',
      'bind.server',
      'call-pace.server',
      'cancel.server',
      'drift',
      'expiry.server',
      'guardrail.server',
      'key-row',
      'key-store.server',
      'mint-attempt.server',
      'mint-policy',
      'mint.server',
      'pace',
      'pause.server',
      'read-account.server',
      'readings.server',
      'reconcile-runs.server',
      'reconcile.server',
      'repair.server',
      'try-now.server',
      'samples.server',
      'wake.server',
      'want.server',
      'windows',
    ],
  ],
  ['bulk', ['bulk-kind', 'bulk.server', 'run-bulk.server']],
  [
    'vault',
    ['check-credential.server', 'destroy.server', 'rotate.server', 'vault.server', 'verify.server'],
  ],
  [
    'claim',
    [
      'actions',
      'admission',
      'claim-actions.server',
      'claim-filter.server',
      'claim-for.server',
      'claim-holder.server',
      'claim-kinds.server',
      'claim-of-address.server',
      'claim-pulse.server',
      'claim-view.server',
      'claim.server',
      'end-claim.server',
      'end-workshop.server',
      'preview-names.server',
      'replace-key.server',
      'reveal.server',
      'test-key.server',
      'turned-away.server',
      'view-types',
    ],
  ],
  [
    'team',
    [
      'audit-kinds',
      'audit-view.server',
      'cap-preview.server',
      'close.server',
      'forecasts.server',
      'invitations.server',
      'key-ceiling.server',
      'key-life',
      'reveal.server',
      'spending.server',
      'sub-key-holder.server',
      'sub-key-view.server',
      'sub-key.server',
      'team-view.server',
      'team.server',
      'view-types',
    ],
  ],
  [
    'operations',
    [
      'backup.server',
      'counters.server',
      'engine.server',
      'error-groups',
      'gauges.server',
      'histogram',
      'installation.server',
      'job-history.server',
      'judgement',
      'judgement.server',
      'money-sums',
      'money-judgement',
      'paused-queues.server',
      'readiness-check',
      'readiness-finding',
      'readiness-report.server',
      'readiness.server',
      'retention.server',
      'spans',
      'sweep.server',
      'workers.server',
    ],
  ],
  [
    'staff',
    [
      'claim-detail.server',
      'claim-export.server',
      'claim-list',
      'find-claims.server',
      'kinds.server',
      'overview.server',
      'queue/actions.server',
      'queue/bulk-jobs.server',
      'queue/export.server',
      'queue/filter',
      'queue/job-kinds',
      'queue/list.server',
      'queue/queue-page.server',
      'queue/run-now.server',
      'queue/schedules.server',
      'queue/types',
      'receipt-view',
      'receipt.server',
      'report.server',
      'reconcile-page.server',
      'series.server',
      'workshop-page.server',
    ],
  ],
]

/**
 * The two ways into the product that may open something: no room below the top floor serves a claim
 * and a team at once.
 */
const siblings = { team: ['claim'] }

const folder = (room) => `./app/domain/${room}`
const outside = [
  './app/cli',
  './app/client',
  './app/components',
  './app/messages',
  './app/routes',
  './app/web',
  './app/*.{ts,tsx}',
  './jobs',
]

const above = rooms.slice(0, -1).map(([room], index) => ({
  target: folder(room),
  from: rooms.slice(index + 1).map(([name]) => folder(name)),
  message: `${room} stands below: a room uses what is under it. Hand it in as a parameter or by ctx.`,
}))
const beside = Object.entries(siblings).map(([room, names]) => ({
  target: folder(room),
  from: names.map(folder),
  message: `${room} and ${names.join(', ')} stand side by side: what both need belongs below them.`,
}))
const ground = {
  target: './app/domain/*.ts',
  from: rooms.map(([room]) => folder(room)),
  message: 'The ground uses no room.',
}
const fronts = rooms.map(([room, files]) => ({
  target: [...outside, ...rooms.filter(([name]) => name !== room).map(([name]) => folder(name))],
  from: folder(room),
  except: files.map((file) => `./${file}.ts`),
  message: `This file is private to ${room}. Its front is listed in eslint.rooms.js.`,
}))

export const roomZones = [...above, ...beside, ground, ...fronts]
