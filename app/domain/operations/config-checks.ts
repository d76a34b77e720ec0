/** What can be checked on this machine: the environment, our secrets, the workshop files, sign-in. */
import { answersAt } from '~/adapters/reachability.server'
import { formatProblem } from '../workshop/problem'
import { isSample } from '../workshop/samples'
import { windowState } from '../workshop/workshop'
import { upcomingWorkshops, type TestedDeployment } from './readiness-check'
import { error, ok, orWhenFine, skipped, warning, type Finding } from './readiness-finding'

const isLoopback = (hostname: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

export function checkEnvironment({ environmentProblems: problems }: TestedDeployment): Finding {
  return problems.length === 0
    ? ok({ code: 'environment-ok' })
    : error({ code: 'variables-unusable', problems })
}

export const checkSecrets = ({ deployment }: TestedDeployment): Finding[] =>
  deployment.weakSecrets.map((weakness) => error({ code: 'secret-weak', weakness }))

export function checkWorkshopFiles({
  workshops: { workshops, problems, warnings },
  deployment: { appOrigin },
}: TestedDeployment): Finding[] {
  const findings = [
    ...problems.map((one) => error({ code: 'file-problem', problem: formatProblem(one) })),
    ...warnings.map((one) => warning({ code: 'file-problem', problem: formatProblem(one) })),
  ]
  if (workshops.size === 0 && problems.length === 0) findings.push(warning({ code: 'no-workshop' }))
  const samples = [...workshops.values()].filter(isSample).map(({ slug }) => slug)
  // The demo has them, on this machine alone.
  if (samples.length > 0 && !(appOrigin && isLoopback(new URL(appOrigin).hostname)))
    findings.push(warning({ code: 'sample-public', slugs: samples }))
  return orWhenFine(findings, { code: 'files-ok', slugs: [...workshops.keys()] })
}

/**
 * The addresses to register are part of the answer: nobody can read them off the provider's own
 * page.
 */
export async function checkSignIn({
  deployment: { appOrigin, signIn },
}: TestedDeployment): Promise<Finding | Finding[]> {
  if (!appOrigin || signIn.length === 0) return skipped({ code: 'sign-in-unset' })
  const { protocol, hostname } = new URL(appOrigin)
  const answers = await Promise.all(signIn.map(signInFinding))
  return orWhenFine(
    [
      ...(protocol !== 'https:' && !isLoopback(hostname)
        ? [error({ code: 'origin-without-https', origin: appOrigin })]
        : []),
      ...answers.filter((finding) => finding !== null),
    ],
    {
      code: 'sign-in-ok',
      addresses: signIn.map(({ provider, redirectUri }) => ({ provider, redirectUri })),
    },
  )
}

async function signInFinding({
  provider,
  authorizeUrl,
  redirectUri,
}: TestedDeployment['deployment']['signIn'][number]): Promise<Finding | null> {
  const { origin } = new URL(authorizeUrl)
  const answer = await answersAt(authorizeUrl)
  if ('unreachable' in answer)
    return error({ code: 'sign-in-unreachable', provider, origin, error: answer.unreachable })
  const { status } = answer
  if (status >= 500) return error({ code: 'sign-in-failing', provider, origin, status })
  if (status >= 400) return warning({ code: 'sign-in-refused', provider, status, redirectUri })
  return null
}

/** Giveaways need a maximum of their own; without it they hand out nothing. */
export function giveawayFindings({
  settings,
  workshops,
}: Pick<TestedDeployment, 'workshops' | 'settings'>): Finding[] {
  const giveaways = [...workshops.workshops.values()].filter(({ kind }) => kind === 'giveaway')
  return giveaways.length > 0 && settings.maxTotalKeys === 0
    ? [warning({ code: 'giveaways-closed', slugs: giveaways.map(({ slug }) => slug) })]
    : []
}

/** With what is over and what opens later: a wrong year in a file is seen here. */
export function switchIsOn(tested: TestedDeployment) {
  const now = tested.now()
  const slugs = upcomingWorkshops(tested).map(({ slug }) => slug)
  const all = [...tested.workshops.workshops.values()]
  const later = all.flatMap(({ slug, claimsOpenAt }) =>
    claimsOpenAt === null || claimsOpenAt <= now || slugs.includes(slug)
      ? []
      : [{ slug, days: Math.floor((claimsOpenAt.getTime() - now.getTime()) / 86_400_000) }],
  )
  const ended = all.filter((one) => windowState(one, now) === 'closed').map(({ slug }) => slug)
  return { code: 'switch-ok', slugs, later, ended } as const
}
