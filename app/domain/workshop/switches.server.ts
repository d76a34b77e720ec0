/**
 * The operator's switches. The environment decides; the rows only remember when a process first saw
 * a change, so that a banner can say since when.
 */
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

export type SwitchRow = { name: string; isOn: boolean; since: string }

/** Since when each switch has its present value (ISO UTC); no entry for one never recorded. */
export function switchTimes(
  settings: Pick<Settings, 'provisioningEnabled' | 'maxTotalKeys'>,
  rows: readonly SwitchRow[],
): Map<SwitchName, string> {
  const states = switchStates(settings)
  return new Map(
    rows.flatMap(({ name, isOn, since }) =>
      name in states && states[name as SwitchName] === isOn
        ? [[name as SwitchName, new Date(since).toISOString()] as const]
        : [],
    ),
  )
}
