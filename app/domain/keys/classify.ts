/**
 * From a standing to its drifts. Pure; the same standing gives the same drifts in the same order.
 */
import { guardrailReset, type UpstreamKey } from '~/adapters/key-provider'
import { formatUsd } from '~/money'
import {
  claimReference,
  driftKinds,
  withId,
  type Drift,
  type GuardrailState,
  type HeldKey,
  type KeyAttempt,
  type Snapshot,
} from './drift'

/** Every disagreement of this standing, most urgent kind first. */
export function classify(snapshot: Snapshot): Drift[] {
  const heldByHash = new Map(snapshot.held.map((held) => [held.hash, held]))
  const attemptsByName = new Map(snapshot.attempts.map((attempt) => [attempt.name, attempt]))
  const drifts: Omit<Drift, 'id'>[] = []
  for (const guardrail of snapshot.guardrails?.values() ?? [])
    drifts.push(...judgeGuardrail(snapshot, guardrail))
  for (const key of snapshot.upstream) {
    const held = heldByHash.get(key.hash)
    if (held) drifts.push(...judgeHeld(snapshot, key, held))
    else if (key.name.startsWith(snapshot.installationPrefix))
      drifts.push(...judgeUnheld(snapshot, key, attemptsByName.get(key.name)))
  }
  for (const held of snapshot.held)
    if (held.live && snapshot.gone.has(held.hash)) drifts.push(dangling(held))
  const order = (drift: { kind: Drift['kind'] }) => driftKinds.indexOf(drift.kind)
  return drifts
    .map(withId)
    .sort(
      (a, b) =>
        order(a) - order(b) || a.subject.localeCompare(b.subject) || a.id.localeCompare(b.id),
    )
}

function judgeHeld(snapshot: Snapshot, key: UpstreamKey, held: HeldKey): Omit<Drift, 'id'>[] {
  const found: Omit<Drift, 'id'>[] = []
  const about = aboutHeld(held)
  const { hash } = held
  const whose = held.retired
    ? 'A replaced key'
    : held.holderKind === 'spare'
      ? 'A pre-minted key'
      : `The key of claim ${claimReference(held.holderId)}`
  if (
    !held.changing &&
    !held.endedLately &&
    isOver(held, snapshot.now) &&
    !key.disabled &&
    !hasExpired(key, snapshot.now)
  ) {
    found.push({
      ...about,
      kind: 'disabled',
      what: `${whose} should be disabled, and the provider still lets it spend.`,
      repair: 'Disable the key at the provider. What it has used stays counted.',
      act: { do: 'switch-off', hash, keyId: held.keyId },
    })
  }
  if (!held.live) return found
  if (!held.changing && !held.wantedDisabled && key.disabled) {
    found.push({
      ...about,
      kind: 'disabled',
      what: `${whose} is disabled at the provider, and nobody requested that here.`,
      repair: 'Enable the key again at the provider.',
      act: { do: 'switch-on', hash, keyId: held.keyId },
    })
  }
  if (
    !held.changing &&
    held.limit !== null &&
    (key.limit !== held.limit || key.limitReset !== held.limitReset)
  ) {
    const ours = amountText('cap', held.limit, held.limitReset)
    found.push({
      ...about,
      kind: 'wrong-limit',
      what: `${whose} has ${amountText('cap', key.limit, key.limitReset)} at the provider; it should have ${ours}.`,
      repair: `Give the key ${ours} at the provider.`,
      act: {
        do: 'set-limit',
        hash,
        keyId: held.keyId,
        limit: held.limit,
        limitReset: held.limitReset,
      },
    })
  }
  if (
    held.expiresAt &&
    Math.abs((key.expiresAt?.getTime() ?? Infinity) - held.expiresAt.getTime()) >= 1000
  ) {
    const theirs = key.expiresAt ? `ends ${key.expiresAt.toISOString()}` : 'never ends'
    found.push({
      ...about,
      kind: 'wrong-expiry',
      what:
        `${whose} ${theirs} at the provider; here it ends ${held.expiresAt.toISOString()}. The end of a ` +
        'key cannot be changed: extend the claim, or take the key back, on the workshop’s page.',
      repair: null,
      act: null,
    })
  }
  return [...found, ...judgeBinding(snapshot, held, whose)]
}

function judgeBinding(snapshot: Snapshot, held: HeldKey, whose: string): Omit<Drift, 'id'>[] {
  if (!snapshot.guardrails || held.savedLately || !held.wantsGuardrail) return []
  const assigned = snapshot.guardrails.get(held.scope)?.assigned.has(held.hash) ?? false
  if (assigned && held.bound) return []
  const what = assigned
    ? `${whose} is assigned to the guardrail at the provider, and our row does not know it.`
    : held.bound
      ? `${whose} counts as assigned to the guardrail here, and at the provider it is not: it may use any model.`
      : `${whose} is not assigned to the guardrail: it may use any model.` +
        (held.bindError ? ` The last try said: ${held.bindError}` : '')
  const act = { do: 'bind', keyId: held.keyId, hash: held.hash } as const
  return [
    {
      ...aboutHeld(held),
      kind: 'unbound',
      what,
      repair: 'Assign the guardrail again, as a job. It does no harm to a key that has it.',
      act,
    },
  ]
}

/** Named with our installation id, and no row holds it. */
function judgeUnheld(
  snapshot: Snapshot,
  key: UpstreamKey,
  attempt: KeyAttempt | undefined,
): Omit<Drift, 'id'>[] {
  const about = {
    keyHash: key.hash,
    claimId: attempt?.holderKind === 'claim' ? attempt.holderId : null,
    workshopSlug: attempt?.scope ?? null,
  }
  if (!attempt || (attempt.state === 'saved' && attempt.keyHash !== key.hash)) {
    const why = attempt
      ? 'its name belongs to another key of ours'
      : 'no attempt of ours has its name'
    return [
      {
        ...about,
        claimId: null,
        kind: 'unexplained',
        subject: `key:${key.hash}`,
        what:
          `The key ${key.name} bears our installation’s id, and ${why}. A restored backup does this. ` +
          'A person decides; nothing here touches it.',
        repair: null,
        act: null,
      },
    ]
  }
  if (attempt.state === 'saved') {
    if (key.disabled || hasExpired(key, snapshot.now)) return []
    return [
      {
        ...about,
        kind: 'orphan',
        subject: `attempt:${attempt.id}`,
        what: 'A key that was given out once is switched on at the provider, and no row holds it any more.',
        repair: 'Disable the key at the provider. What it has used stays counted.',
        act: { do: 'switch-off', hash: key.hash, keyId: null },
      },
    ]
  }
  if (attempt.inFlight) return []
  return [
    {
      ...about,
      kind: 'orphan',
      subject: `attempt:${attempt.id}`,
      what: 'A key was made whose answer never reached us. Nobody holds its secret, and no row holds the key.',
      repair: 'Condemn the attempt, then delete the key at the provider.',
      act: { do: 'delete-orphan', attemptId: attempt.id, hash: key.hash },
    },
  ]
}

function dangling(held: HeldKey): Omit<Drift, 'id'> {
  if (held.holderKind === 'spare')
    return {
      ...aboutHeld(held),
      kind: 'dangling',
      what: 'A pre-minted key no longer exists at the provider. Nobody gets it, and another is made.',
      repair: held.missingSince ? null : 'Mark the key, so that it is not handed out.',
      act: held.missingSince ? null : { do: 'mark-missing', keyId: held.keyId, hash: held.hash },
    }
  const gone = `The key of claim ${claimReference(held.holderId)} no longer exists at the provider.`
  if (held.missingSince) {
    return {
      ...aboutHeld(held),
      kind: 'dangling',
      what:
        `${gone} Its page says so since ${held.missingSince.toISOString()}. Replace it from the ` +
        'workshop’s page if its owner still needs one.',
      repair: null,
      act: null,
    }
  }
  return {
    ...aboutHeld(held),
    kind: 'dangling',
    what: gone,
    repair:
      'Mark the claim, so that its page says that the key is gone. A new key is made only when you ' +
      'replace it from the workshop’s page.',
    act: { do: 'mark-missing', keyId: held.keyId, hash: held.hash },
  }
}

function judgeGuardrail(snapshot: Snapshot, guardrail: GuardrailState): Omit<Drift, 'id'>[] {
  const { slug, rules, upstream } = guardrail
  const act = {
    do: 'ensure-guardrail',
    slug,
    guardrailId: upstream ? null : guardrail.cachedId,
  } as const
  const about = {
    kind: 'guardrail-differs',
    subject: `guardrail:${slug}`,
    claimId: null,
    keyHash: null,
    workshopSlug: slug,
  } as const
  if (!upstream)
    return [
      {
        ...about,
        what: `The guardrail workshop-${slug} does not exist at the provider: its keys may use any model.`,
        repair:
          'Make the guardrail. The keys of the old one are listed as unbound and are assigned ' +
          'again by their own repair.',
        act,
      },
    ]
  if (!rules) return []
  const differences: string[] = []
  if (upstream.limitUsd !== rules.limit || upstream.resetInterval !== guardrailReset)
    differences.push(
      `it has ${amountText('budget', upstream.limitUsd, upstream.resetInterval)} ` +
        `instead of ${amountText('budget', rules.limit, guardrailReset)}`,
    )
  const wanted = canonical(snapshot, rules.allowedModels)
  const allowed =
    upstream.allowedModels === null ? null : canonical(snapshot, upstream.allowedModels)
  if (allowed === null) differences.push('it allows every model')
  else {
    const more = [...allowed].filter((model) => !wanted.has(model))
    const fewer = [...wanted].filter((model) => !allowed.has(model))
    if (more.length > 0) differences.push(`it allows ${more.join(', ')}, which the file does not`)
    if (fewer.length > 0)
      differences.push(`it does not allow ${fewer.join(', ')}, which the file does`)
  }
  if (differences.length === 0) return []
  return [
    {
      ...about,
      what: `The guardrail workshop-${slug} differs from the workshop’s file: ${differences.join('; ')}.`,
      repair: 'Set the guardrail to what the file says.',
      act,
    },
  ]
}

/**
 * The provider answers with canonical slugs whatever it was sent: both sides are compared as those.
 */
const canonical = (snapshot: Snapshot, models: string[]) =>
  new Set(models.map((model) => snapshot.canonicalSlugs.get(model) ?? model))

function aboutHeld(held: HeldKey) {
  const claimId = held.holderKind === 'claim' ? held.holderId : null
  return {
    subject: held.retired ? `key:${held.hash}` : `${held.holderKind}:${held.holderId}`,
    claimId,
    keyHash: held.hash,
    workshopSlug: held.scope,
  }
}

/**
 * Wanted off, or past its time here, which the provider should keep by itself. A replaced key has a
 * time of grace.
 */
function isOver(held: HeldKey, now: Date): boolean {
  return (
    held.wantedDisabled ||
    (!held.live &&
      !held.retired &&
      held.expiresAt !== null &&
      now.getTime() - held.expiresAt.getTime() > clockSlackMs)
  )
}

const clockSlackMs = 60_000
const hasExpired = (key: UpstreamKey, now: Date) => key.expiresAt !== null && key.expiresAt <= now

const resetLabels: Record<string, string> = {
  daily: ' a day',
  weekly: ' a week',
  monthly: ' a month',
}

function amountText(noun: 'cap' | 'budget', limit: bigint | null, reset: string | null): string {
  if (limit === null) return `no ${noun}`
  const often = reset === null ? '' : (resetLabels[reset] ?? ` (${reset})`)
  return `a ${noun} of ${formatUsd(limit, { exact: true })}${often}`
}
