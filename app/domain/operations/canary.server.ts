/**
 * The canary: one key made as a claim's would be, bound, read back from both sides, and deleted.
 * Its name is a row of doctor_canaries before it is a key, and no program deletes a name that is
 * not there. It does not begin with the prefix of claims' keys, so that reconcile takes it for
 * nobody's. What is lost on the way ends by itself after an hour.
 */
import { randomUUID } from 'node:crypto'
import { isProviderError } from '~/adapters/provider-error'
import type { UpstreamGuardrail } from '~/adapters/key-provider'
import { NANO_PER_USD } from '~/money'
import {
  fail,
  ok,
  upcomingWorkshops,
  together,
  warn,
  type Finding,
  type PatientWith,
} from './doctor-check'

type Whole = PatientWith<'db' | 'provider'>

const canaryLimit = NANO_PER_USD / 100n
const canaryLifeMs = 3_600_000
/** A doctor at work somewhere else is given this long before its canary counts as left behind. */
const leftBehindSeconds = 300
const guardrailName = 'keymint-doctor'

class CanaryProblem extends Error {
  constructor(readonly finding: Finding) {
    super(finding.words)
  }
}

/** Makes a key worth a cent for an hour, and removes it whatever happens in between. */
export async function checkCanary(patient: Whole): Promise<Finding> {
  const left = await removeLeftovers(patient)
  const startedAt = performance.now()
  const name = await writeName(patient)
  let verdict: Finding
  let hash: string | null = null
  try {
    const made = await create(patient, name)
    hash = made.hash
    await patient.db
      .$executeRaw`update keymint.doctor_canaries set key_hash = ${hash} where name = ${name}`
    const bound = await bind(patient, hash)
    await readBack(patient, name, made)
    const took = ((performance.now() - startedAt) / 1000).toFixed(1)
    verdict = ok(
      `A key worth $0.01 was made, ${bound ? `bound to ${bound}, ` : ''}read back and deleted, in ${took} s.`,
    )
    if (!bound)
      verdict = warn(
        `A key was made and read back, but there is no guardrail to bind it to and no model to make one with.`,
        'Add a workshop file.',
      )
  } catch (error) {
    verdict = findingOf(error)
  }
  const gone = await remove(patient, name, hash).catch(findingOf)
  const leftovers =
    left === 0
      ? []
      : [
          warn(
            `${left} of an earlier canary could not be removed yet.`,
            'They end by themselves within an hour of their making; check again.',
          ),
        ]
  return together([verdict, gone, ...leftovers], verdict.words)
}

async function writeName({ db }: Whole): Promise<string> {
  const [installation] = await db.$queryRaw<{ id: string }[]>`select id from keymint.installation`
  const name = `km-doctor/${installation?.id ?? 'none'}/${randomUUID()}`
  await db.$executeRaw`insert into keymint.doctor_canaries (name) values (${name})`
  return name
}

async function create(patient: Whole, name: string) {
  try {
    return await patient.provider.createKey({
      name,
      limit: canaryLimit,
      limitReset: null,
      expiresAt: new Date(patient.now().getTime() + canaryLifeMs),
    })
  } catch (error) {
    throw problem(
      error,
      'No key could be made',
      'docs/runbook.md, “Trouble upstream”, says what each answer means.',
    )
  }
}

/**
 * To the guardrail of the first room that has one, else to one of the doctor's own. Its name, or
 * null when there is no model to make one with.
 */
async function bind(patient: Whole, hash: string): Promise<string | null> {
  const remedy =
    'Keys would be handed out unbound, with their cap but without their list of models. docs/runbook.md, “Unbound keys”.'
  try {
    const guardrail = await guardrailFor(patient, await patient.provider.listGuardrails())
    if (!guardrail) return null
    const assigned = await patient.provider.assignKeys(guardrail.id, [hash])
    const hashes =
      assigned === 1 ? await patient.provider.listAssignedHashes(guardrail.id) : new Set<string>()
    if (!hashes.has(hash))
      throw new CanaryProblem(
        fail(
          `The key was not bound: the provider says that it bound ${assigned}, and ${guardrail.name} does not list it.`,
          remedy,
        ),
      )
    return guardrail.name
  } catch (error) {
    throw problem(error, 'A key can be made but not bound to a guardrail', remedy)
  }
}

async function guardrailFor(
  patient: Whole,
  guardrails: UpstreamGuardrail[],
): Promise<{ id: string; name: string } | null> {
  const wanted = [
    ...upcomingWorkshops(patient).map(({ slug }) => `workshop-${slug}`),
    guardrailName,
  ]
  for (const name of wanted) {
    const [oldest] = guardrails
      .filter((guardrail) => guardrail.name === name)
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
    if (oldest) return oldest
  }
  const allowedModels = [...patient.workshops.workshops.values()][0]?.allowedModels
  if (!allowedModels) return null
  const { id } = await patient.provider.createGuardrail({
    name: guardrailName,
    description: 'Made by Keymint’s doctor for its own test keys.',
    limit: canaryLimit,
    allowedModels,
  })
  return { id, name: guardrailName }
}

/** From our side by its hash, and from its owner's side with the key itself. */
async function readBack(
  { provider }: Whole,
  name: string,
  made: { hash: string; plaintext: string },
): Promise<void> {
  const remedy =
    'Caps and ends are what makes a key harmless: hand out none until this is understood.'
  try {
    const [listed, own] = await Promise.all([
      provider.findKey(made.hash),
      provider.readOwnKey(made.plaintext),
    ])
    const wrong = [
      ...(listed === null ? ['the provider does not know its hash'] : []),
      ...(listed && listed.name !== name ? ['it has another name'] : []),
      ...(listed?.disabled ? ['it is disabled'] : []),
      ...(own.limit !== canaryLimit ? ['its owner reads another cap'] : []),
      ...(own.expiresAt === null ? ['its owner reads no end'] : []),
      ...(own.isManagementKey ? ['it may manage keys'] : []),
    ]
    if (wrong.length > 0)
      throw new CanaryProblem(
        fail(`A key was made, but not as asked: ${wrong.join(', ')}.`, remedy),
      )
  } catch (error) {
    throw problem(error, 'A key was made but could not be read back', remedy)
  }
}

/**
 * Deletes the canary and asks whether it is gone. A create without an answer may have left one: it
 * is looked for by its name.
 */
async function remove(patient: Whole, name: string, hash: string | null): Promise<Finding> {
  const { provider, db } = patient
  const hashes = hash
    ? [hash]
    : (await provider.listKeys()).filter((key) => key.name === name).map((key) => key.hash)
  for (const one of hashes) {
    await provider.deleteKey(one)
    if ((await provider.findKey(one)) !== null)
      throw new CanaryProblem(
        fail(
          'The test key was deleted, and the provider still has it.',
          'It ends within an hour and is worth a cent; check again in a minute.',
        ),
      )
  }
  // Without an answer the key may still come: only its end makes the row final.
  if (hashes.length > 0)
    await db.$executeRaw`update keymint.doctor_canaries set deleted_at = now() where name = ${name}`
  return ok('The test key is gone.')
}

/** Removes what earlier doctors could not. How many are still there. */
async function removeLeftovers({ db, provider }: Whole): Promise<number> {
  const rows = await db.$queryRaw<{ name: string; ended: boolean }[]>`
    select name, sent_at < now() - interval '2 hours' as ended from keymint.doctor_canaries
    where deleted_at is null and sent_at < now() - make_interval(secs => ${leftBehindSeconds}::int)
      order by sent_at limit 50`
  if (rows.length === 0) return 0
  const upstream = await provider.listKeys().catch(() => null)
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

function problem(error: unknown, what: string, remedy: string): unknown {
  return isProviderError(error)
    ? new CanaryProblem(fail(`${what}. ${error.message}.`, remedy))
    : error
}

function findingOf(error: unknown): Finding {
  if (error instanceof CanaryProblem) return error.finding
  if (isProviderError(error))
    return warn(
      `The test key could not be deleted yet. ${error.message}.`,
      'It ends within an hour and is worth a cent; the next check removes it.',
    )
  throw error
}
