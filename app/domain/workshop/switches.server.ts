/**
 * The operator's switches. The environment decides; the rows only remember when a process first saw
 * a change, so that a banner can say since when.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx, Settings } from '../ctx'

export type SwitchName = 'provisioning' | 'giveaways'

/**
 * Both are off by default: they need PROVISIONING_ENABLED=true, and a MAX_TOTAL_KEYS that is a whole
 * number from 1.
 */
export function switchStates(
  settings: Pick<Settings, 'provisioningEnabled' | 'maxTotalKeys'>,
): Record<SwitchName, boolean> {
  return { provisioning: settings.provisioningEnabled, giveaways: settings.maxTotalKeys > 0 }
}

/** Records this process's switches. An unchanged switch keeps its time. */
export async function rememberSwitches(ctx: Pick<Ctx, 'db' | 'settings'>): Promise<void> {
  for (const [name, isOn] of Object.entries(switchStates(ctx.settings))) {
    await ctx.db.$executeRaw`
      insert into keymint.switches (name, is_on) values (${name}, ${isOn})
      on conflict (name) do update set is_on = excluded.is_on, since = now()
        where switches.is_on <> excluded.is_on`
  }
}

/**
 * Since when each switch has its present value (ISO UTC); no entry for one never recorded.
 */
export async function readSwitchTimes(
  db: Tx,
  settings: Pick<Settings, 'provisioningEnabled' | 'maxTotalKeys'>,
): Promise<Map<SwitchName, string>> {
  const states = switchStates(settings)
  const rows = await db.switch.findMany()
  return new Map(
    rows.flatMap((row) =>
      row.name in states && states[row.name as SwitchName] === row.isOn
        ? [[row.name as SwitchName, row.since.toISOString()] as const]
        : [],
    ),
  )
}
