/**
 * The canary: one test key made as a claim's would be, assigned to a guardrail, read back from both
 * sides, and deleted. Its name is a row of doctor_canaries before it is a key, and only names found
 * there are deleted. It does not begin with the prefix of claims' keys, so reconcile does not take
 * it for one of them. A key that is lost on the way ends after an hour.
 */
import { randomUUID } from 'node:crypto'
import { isProviderError } from '~/adapters/provider-error'
import { listAllKeys, type UpstreamGuardrail } from '~/adapters/key-provider'
import { NANO_PER_USD } from '~/money'
import { upcomingWorkshops, type TestedWith } from './readiness-check'
import {
  error,
  orWhenFine,
  warning,
  type CanaryDifference,
  type Cause,
  type Finding,
} from './readiness-finding'

type Tested = TestedWith<'db' | 'provider'>

const canaryLimit = NANO_PER_USD / 100n
const canaryLifeMs = 3_600_000
/** A check that runs elsewhere has this long before its canary counts as left behind. */
const leftBehindSeconds = 300
const guardrailName = 'keymint-doctor'

/** Ends the check with a finding. */
class CanaryFailure extends Error {
  constructor(readonly finding: Finding) {
    super(finding.code)
  }
}

/** Makes a key worth a cent for an hour, and removes it whatever happens in between. */
export async function checkCanary(tested: Tested): Promise<Finding[]> {
  const left = await removeLeftovers(tested)
  const startedAt = performance.now()
  const name = await writeName(tested)
  const findings: Finding[] = []
  let hash: string | null = null
  let guardrail: string | null = null
  try {
    const made = await create(tested, name)
    hash = made.hash
    await tested.db
      .$executeRaw`update keymint.doctor_canaries set key_hash = ${hash} where name = ${name}`
    guardrail = await assign(tested, hash)
    await readBack(tested, name, made)
    if (!guardrail) findings.push(warning({ code: 'canary-unbound' }))
  } catch (thrown) {
    findings.push(findingOf(thrown))
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  await remove(tested, name, hash).catch((thrown: unknown) => findings.push(findingOf(thrown)))
  if (left > 0) findings.push(warning({ code: 'canaries-left', count: left }))
  return orWhenFine(findings, { code: 'canary-ok', guardrail: guardrail ?? '', seconds })
}

async function writeName({ db }: Tested): Promise<string> {
  const [installation] = await db.$queryRaw<{ id: string }[]>`select id from keymint.installation`
  const name = `km-doctor/${installation?.id ?? 'none'}/${randomUUID()}`
  await db.$executeRaw`insert into keymint.doctor_canaries (name) values (${name})`
  return name
}

async function create(tested: Tested, name: string) {
  try {
    return await tested.provider.createKey({
      name,
      limit: canaryLimit,
      limitReset: null,
      expiresAt: new Date(tested.now().getTime() + canaryLifeMs),
    })
  } catch (thrown) {
    if (isProviderError(thrown) && thrown.details.reason === 'no-workspace')
      throw new CanaryFailure(error({ code: 'workspace-gone' }))
    throw failureOf(thrown, (text) => ({ code: 'canary-not-created', error: text }))
  }
}

/**
 * To the guardrail that we made for the first upcoming workshop that has one, else to one of the canary's own.
 * Its name, or null when there is no model to make one with.
 */
async function assign(tested: Tested, hash: string): Promise<string | null> {
  try {
    const guardrail = await guardrailFor(tested, await tested.provider.listGuardrails())
    if (!guardrail) return null
    const assigned = await tested.provider.assignKeys(guardrail.id, [hash])
    const hashes =
      assigned === 1 ? await tested.provider.listAssignedHashes(guardrail.id) : new Set<string>()
    if (!hashes.has(hash))
      throw new CanaryFailure(
        error({ code: 'canary-not-assigned', assigned, guardrail: guardrail.name }),
      )
    return guardrail.name
  } catch (thrown) {
    throw failureOf(thrown, (text) => ({ code: 'canary-assign-failed', error: text }))
  }
}

async function guardrailFor(
  tested: Tested,
  guardrails: UpstreamGuardrail[],
): Promise<{ id: string; name: string } | null> {
  const known = await tested.db.guardrail.findMany()
  for (const { slug } of upcomingWorkshops(tested)) {
    const id = known.find(({ workshopSlug }) => workshopSlug === slug)?.guardrailId
    const ours = guardrails.find((guardrail) => guardrail.id === id)
    if (ours) return ours
  }
  const [own] = guardrails
    .filter((guardrail) => guardrail.name === guardrailName)
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
  if (own) return own
  const allowedModels = [...tested.workshops.workshops.values()][0]?.allowedModels
  if (!allowedModels) return null
  const { id } = await tested.provider.createGuardrail({
    name: guardrailName,
    description: 'For the test keys of Keymint’s readiness check.',
    limit: canaryLimit,
    allowedModels,
  })
  return { id, name: guardrailName }
}

/** By its hash with the management key, and with the key itself. */
async function readBack(
  { provider }: Tested,
  name: string,
  made: { hash: string; plaintext: string },
): Promise<void> {
  try {
    const [listed, own] = await Promise.all([
      provider.findKey(made.hash),
      provider.readOwnKey(made.plaintext),
    ])
    const differences: CanaryDifference[] = []
    if (listed === null) differences.push('unknown-hash')
    if (listed && listed.name !== name) differences.push('other-name')
    if (listed?.disabled) differences.push('disabled')
    if (own.limit !== canaryLimit) differences.push('other-limit')
    if (own.expiresAt === null) differences.push('no-end')
    if (own.isManagementKey) differences.push('manages-keys')
    if (differences.length > 0)
      throw new CanaryFailure(error({ code: 'canary-differs', differences }))
  } catch (thrown) {
    throw failureOf(thrown, (text) => ({ code: 'canary-unreadable', error: text }))
  }
}

/**
 * Deletes the canary and checks that it is gone. A create without an answer may have left one, which
 * is looked up by its name.
 */
async function remove(tested: Tested, name: string, hash: string | null): Promise<void> {
  const { provider, db } = tested
  const hashes = hash
    ? [hash]
    : (await listAllKeys(provider)).filter((key) => key.name === name).map((key) => key.hash)
  for (const one of hashes) {
    await provider.deleteKey(one)
    if ((await provider.findKey(one)) !== null)
      throw new CanaryFailure(error({ code: 'canary-still-there' }))
  }
  // Without an answer the key may still come: only its end makes the row final.
  if (hashes.length > 0)
    await db.$executeRaw`update keymint.doctor_canaries set deleted_at = now() where name = ${name}`
}

/** Removes what earlier checks could not. Returns how many are still there. */
async function removeLeftovers({ db, provider }: Tested): Promise<number> {
  const rows = await db.$queryRaw<{ name: string; ended: boolean }[]>`
    select name, sent_at < now() - interval '2 hours' as ended from keymint.doctor_canaries
    where deleted_at is null and sent_at < now() - make_interval(secs => ${leftBehindSeconds}::int)
      order by sent_at limit 50`
  if (rows.length === 0) return 0
  const upstream = await listAllKeys(provider).catch(() => null)
  let left = 0
  for (const { name, ended } of rows) {
    const keys = upstream?.filter((key) => key.name === name)
    const removed =
      keys !== undefined &&
      (
        await Promise.all(
          keys.map((key) =>
            provider.deleteKey(key.hash).then(
              () => true,
              () => false,
            ),
          ),
        )
      ).every(Boolean)
    if (!removed) left++
    else if (keys.length > 0 || ended)
      await db.$executeRaw`update keymint.doctor_canaries set deleted_at = now() where name = ${name}`
  }
  return left
}

/** An error of the provider as a finding of this step; any other is left as it is. */
function failureOf(thrown: unknown, cause: (text: string) => Cause): unknown {
  return isProviderError(thrown) ? new CanaryFailure(error(cause(thrown.message))) : thrown
}

function findingOf(thrown: unknown): Finding {
  if (thrown instanceof CanaryFailure) return thrown.finding
  if (isProviderError(thrown)) return warning({ code: 'canary-not-deleted', error: thrown.message })
  throw thrown
}
