/**
 * What can be checked without asking anybody: the environment, our own secrets, the workshop files,
 * where sign-in leads.
 */
import { answersAt } from '~/adapters/reachability.server'
import { formatProblem } from '../workshop/problem'
import {
  count,
  fail,
  listed,
  ok,
  upcomingWorkshops,
  skipped,
  together,
  warn,
  type Finding,
  type Patient,
} from './doctor-check'

export function checkEnvironment({ environmentProblems: problems }: Patient): Finding {
  if (problems.length === 0) return ok('Every variable is there and well-formed.')
  return fail(
    `${count(problems.length, 'variable')} cannot be used. ${problems.map((line) => `${line}.`).join(' ')}`,
    'Correct them where the secrets are kept (`fly secrets set`); .env.example describes each. No process starts before.',
  )
}

export function checkSecrets({ deployment }: Patient): Finding {
  if (deployment.weakSecrets.length === 0)
    return ok('Our own secrets are random and differ from each other.')
  return fail(
    deployment.weakSecrets.join(' '),
    'Make new ones with `openssl rand -base64 32` and rotate them: docs/runbook.md, “Rotating a secret”.',
  )
}

export function checkWorkshopFiles({
  workshops: { workshops, problems, warnings },
}: Patient): Finding {
  const remedy = 'Correct the file and deploy; `npm run workshops:check` says it line by line.'
  const findings = [
    ...problems.map((problem) => fail(sentence(formatProblem(problem)), remedy)),
    ...warnings.map((problem) => warn(sentence(formatProblem(problem)), remedy)),
  ]
  if (workshops.size === 0 && problems.length === 0)
    findings.push(
      warn(
        'There is no workshop.',
        'Add workshops/<slug>.yaml and deploy: docs/workshop-files.md.',
      ),
    )
  return together(
    findings,
    `${count(workshops.size, 'workshop file')}, all good: ${listed([...workshops.keys()])}.`,
  )
}

const sentence = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`)

/**
 * The addresses to register are part of the answer: nobody can read them off the provider's own
 * page.
 */
export async function checkSignIn({
  deployment: { appOrigin, signIn },
}: Patient): Promise<Finding> {
  if (!appOrigin || signIn.length === 0)
    return skipped('Not checked: the addresses of sign-in are not in the environment.')
  const { protocol, hostname } = new URL(appOrigin)
  const findings: Finding[] = []
  if (protocol !== 'https:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
    findings.push(
      fail(
        `APP_ORIGIN is ${appOrigin}: without https anybody on the wifi can take over a session.`,
        'Set APP_ORIGIN to the https address.',
      ),
    )
  const answers = await Promise.all(
    signIn.map(async (page) => ({ ...page, answer: await answersAt(page.authorizeUrl) })),
  )
  for (const { provider, authorizeUrl, redirectUri, answer } of answers) {
    const { origin } = new URL(authorizeUrl)
    if ('unreachable' in answer)
      findings.push(
        fail(
          `${provider} does not answer at ${origin} (${answer.unreachable}).`,
          `Look at the outgoing connections and at ${provider}’s status page; the other provider still lets people in.`,
        ),
      )
    else if (answer.status >= 500)
      findings.push(
        fail(
          `${provider} answers ${answer.status} at ${origin}.`,
          `Look at ${provider}’s status page; the other provider still lets people in.`,
        ),
      )
    else if (answer.status >= 400)
      findings.push(
        warn(
          `${provider} answers ${answer.status} to a sign-in: it may not know the client id, or not ${redirectUri}.`,
          'Compare client id and callback address with the OAuth app, and sign in once yourself.',
        ),
      )
  }
  const addresses = signIn
    .map(({ provider, redirectUri }) => `${provider}: ${redirectUri}`)
    .join(', ')
  return together(
    findings,
    `Both providers answer. These callback addresses must be registered, to the letter: ${addresses}.`,
  )
}

/** Whether somebody who claims now would be served: the switch, and the cap that giveaways need. */
export function switchFindings(
  patient: Pick<Patient, 'workshops' | 'settings' | 'now'>,
): Finding[] {
  const { settings, workshops } = patient
  const findings: Finding[] = []
  if (!settings.provisioningEnabled)
    findings.push(
      fail(
        'PROVISIONING_ENABLED is not “true”: nobody gets a key.',
        'Set it when the doors may open: `fly secrets set PROVISIONING_ENABLED=true`.',
      ),
    )
  const giveaways = [...workshops.workshops.values()].filter(
    (workshop) => workshop.kind === 'giveaway',
  )
  if (giveaways.length > 0 && settings.maxTotalKeys === 0) {
    findings.push(
      warn(
        `MAX_TOTAL_KEYS is missing or no whole number: ${listed(giveaways.map(({ slug }) => slug))} will hand out nothing.`,
        'Set MAX_TOTAL_KEYS to the most keys that all giveaways together may have.',
      ),
    )
  }
  return findings
}

export const switchIsOn = (patient: Patient) =>
  `Keys are handed out. ${upcomingWorkshops(patient).length === 0 ? 'No workshop is open or opens within a week.' : `Open now or within a week: ${listed(upcomingWorkshops(patient).map(({ slug }) => slug))}.`}`
