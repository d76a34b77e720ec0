/** Every form of a team, posted by the people who may not: each is answered 404 and changes nothing. */
import type { BrowserContext } from '@playwright/test'
import { expect, queryDatabase } from './fixtures'
import type { Stage } from './stage'
import type { Facts, Role } from './team-access-table'
import { post } from './team-pages'

export async function expectNothingDone(
  contexts: Record<Role, BrowserContext>,
  stage: Stage,
  facts: Facts,
  wrong: string[],
): Promise<void> {
  const tables = [
    'api_keys',
    'budgets',
    'budget_requests',
    'budget_top_ups',
    'invitations',
    'team_members',
    'teams',
    'master_keys',
    'team_hooks',
    'transactions',
  ]
  // Of these two teams: the keys of other journeys in this world are read meanwhile.
  const fingerprint = async () => {
    const rows = await Promise.all(
      tables.map((table) =>
        queryDatabase<{ hash: string }>(
          stage,
          `select coalesce(md5(string_agg(md5((to_jsonb(t) - 'usage_synced_at')::text), ''
            order by to_jsonb(t)::text)), '') as hash from keymint.${table} t
            where ${table === 'teams' ? 'id' : 'team_id'} in
              (select id from keymint.teams where slug = any($1::text[]))`,
          [[facts.slug, 'another-team']],
        ),
      ),
    )
    return rows.map((row, index) => `${tables[index]}: ${row[0]?.hash}`)
  }
  const { slug } = facts
  const member = `/t/${slug}/members/${encodeURIComponent(facts.memberId)}`
  const noOwner: Role[] = ['stranger', 'outsider', 'viewer', 'member', 'finance']
  const noMoney: Role[] = ['stranger', 'outsider', 'viewer', 'member']
  const strangersToKey: Role[] = ['stranger', 'outsider', 'finance', 'viewer']
  const [asked] = await queryDatabase<{ id: string }>(
    stage,
    `select r.id from keymint.budget_requests r join keymint.teams t on t.id = r.team_id
      where t.slug = $1 and r.decided_at is null`,
    [slug],
  )
  const [invited] = await queryDatabase<{ id: string }>(
    stage,
    `select i.id from keymint.invitations i join keymint.teams t on t.id = i.team_id
      where t.slug = $1 and i.used_at is null and i.revoked_at is null`,
    [slug],
  )
  const [request, invitation] = [asked!.id, invited!.id]
  const acts: [path: string, form: Record<string, string>, roles: Role[]][] = [
    [`/t/${slug}/members`, { intent: 'invite', role: 'owner' }, noOwner],
    [`/t/${slug}/members`, { intent: 'ceiling', ceiling: '5' }, noOwner],
    [member, { intent: 'budget', budget: '1000', effective: 'now', reason: 'x' }, noMoney],
    [
      `/t/${slug}/budgets`,
      {
        intent: 'set',
        [`budget:${facts.memberId}`]: '1000',
        [`was:${facts.memberId}`]: '0/0',
        reason: 'x',
      },
      noMoney,
    ],
    [
      member,
      { intent: 'top-up', amount: '1000', was: '0.00', month: '2026-11-01', reason: 'x' },
      noMoney,
    ],
    [
      `/t/${slug}/corrections`,
      { intent: 'correct', direction: 'up', amount: '5', month: '2026-11-01', reason: 'x' },
      noMoney,
    ],
    [`/t/${slug}/limits`, { intent: 'approval', perRequest: '5', perMonth: '5' }, noMoney],
    [`/t/${slug}/limits`, { intent: 'team-ceiling', amount: '1', was: '' }, noOwner],
    [
      `/t/${slug}/limits`,
      {
        intent: 'models',
        service: 'openrouter',
        models: 'openai/gpt-5-nano',
        rule: 'limit',
        was: '0',
      },
      noOwner,
    ],
    [`/t/${slug}/members`, { intent: 'default-budget', budget: '1000' }, noMoney],
    [
      `/t/${slug}/members`,
      { intent: 'approve', id: request, scope: 'once', amount: '5', reason: 'x' },
      noMoney,
    ],
    [`/t/${slug}/members`, { intent: 'refuse', id: request, reason: 'x' }, noMoney],
    [`/t/${slug}/members`, { intent: 'revoke', id: invitation }, noOwner],
    [`/t/${slug}/members`, { intent: 'rename', name: 'Renamed' }, noOwner],
    [`/t/${slug}/close`, { confirm: slug, reason: 'x' }, noOwner],
    ...(['webhook', 'slack'] as const).map((channel): (typeof acts)[number] => [
      `/t/${slug}/notifications`,
      { intent: 'add-webhook', channel, url: 'https://hooks.example.org/x' },
      noOwner,
    ]),
    ...['disable', 'verify', 'destroy', 'replace'].map((intent): (typeof acts)[number] => [
      `/t/${slug}/vault`,
      { intent, id: facts.masterKey, reason: 'x', secret: stage.secrets.managementKey },
      noOwner,
    ]),
    [`/t/${slug}/vault`, { intent: 'default-service', service: 'openrouter' }, noOwner],
    [member, { intent: 'role', role: 'owner', reason: 'x' }, noOwner],
    [member, { intent: 'remove', reason: 'x' }, noOwner],
    [member, { intent: 'suspend', reason: 'x' }, noOwner],
    [
      `/t/${slug}/vault`,
      { intent: 'deposit', service: 'openrouter', secret: stage.secrets.managementKey },
      noOwner,
    ],
    [`/t/${slug}/keys/${facts.ownersKey}?index`, { intent: 'delete', reason: 'x' }, noOwner],
    [
      `/t/${slug}/keys/${facts.membersKey}?index`,
      { intent: 'cap', cap: '2', reason: 'x' },
      strangersToKey,
    ],
    [
      `/t/${slug}/keys/${facts.membersKey}?index`,
      { intent: 'rotate', hours: '4', generation: '1' },
      strangersToKey,
    ],
    [
      `/t/${slug}/keys/${facts.membersKey}?index`,
      { intent: 'hand-over', to: facts.memberId, reason: 'x' },
      noOwner,
    ],
    [member, { intent: 'hand-over', to: facts.memberId, reason: 'x' }, noOwner],
    [
      `/t/${slug}/keys/${facts.membersKey}?index`,
      { intent: 'project', project: 'x' },
      strangersToKey,
    ],
    [`/t/${slug}/keys/${facts.membersKey}?index`, { intent: 'end-old' }, strangersToKey],
    [`/t/${slug}/keys/${facts.membersKey}?index`, { intent: 'test' }, strangersToKey],
    [
      `/t/${slug}/keys/${facts.membersKey}?index`,
      { intent: 'end', life: '365d', was: '2026-12-01T00:00:00.000Z', reason: 'x' },
      strangersToKey,
    ],
    [
      `/t/${slug}/store`,
      { intent: 'ask', more: '5', why: 'x' },
      ['stranger', 'outsider', 'viewer'],
    ],
    [`/t/${slug}/service-accounts`, { intent: 'make', name: 'x', budget: '5' }, noOwner],
    [
      `/t/${slug}/store`,
      {
        intent: 'provision',
        for: facts.serviceId,
        masterKey: facts.masterKey,
        purpose: 'x',
        cap: '1',
        reset: 'once',
        life: '1d',
        models: '',
      },
      noOwner,
    ],
    ...(
      [
        { intent: 'cap', cap: '2', reason: 'x' },
        { intent: 'rotate', hours: '4', generation: '1' },
        { intent: 'delete', reason: 'x' },
      ] as Record<string, string>[]
    ).map((form): (typeof acts)[number] => [
      `/t/${slug}/keys/${facts.servicesKey}?index`,
      form,
      noOwner,
    ]),
    [`/t/another-team/keys/${facts.servicesKey}/reveal`, {}, ['outsider']],
    [`/t/${slug}/dashboard`, { intent: 'leave', sure: 'yes' }, ['stranger', 'outsider']],
    // The key of another team at an address of one's own team.
    [
      `/t/another-team/keys/${facts.ownersKey}?index`,
      { intent: 'delete', reason: 'x' },
      ['outsider'],
    ],
    // A member, and a key, of another team at an address of one's own team.
    [member.replace(slug, 'another-team'), { intent: 'remove', reason: 'x' }, ['outsider']],
    [`/t/another-team/keys/${facts.ownersKey}/reveal`, {}, ['outsider']],
    ...['open', 'disable', 'enable', 'verify'].map((intent): (typeof acts)[number] => [
      '/t/another-team/vault',
      { intent, id: facts.masterKey },
      ['outsider'],
    ]),
  ]
  const before = await fingerprint()
  for (const [path, form, roles] of acts) {
    // Each is refused for want of a right, and not because somebody was too fast.
    await queryDatabase(stage, 'delete from keymint.rate_limits')
    for (const role of roles) {
      const answer = await post(contexts[role], stage, path, form)
      if (answer.status() !== 404)
        wrong.push(
          `POST ${path} ${JSON.stringify(form)} as ${role}: ${answer.status()} and not 404`,
        )
    }
  }
  expect(await fingerprint()).toEqual(before)
}
