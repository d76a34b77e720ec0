/** What the demo prints when it is ready: whom to sign in as, and where things are. */
import path from 'node:path'
import { demoTeam } from './demo-team'
import type { World } from './world'

export function introduction(
  { people, openrouter, litellm, runpod, aws, github, postgres }: World,
  { dataDir, environmentFile }: { dataDir: string; environmentFile: string },
): string {
  const note = (login: string) => people.find((person) => person.login === login)?.note ?? ''
  const attendee =
    people.find((person) => person.provider === 'github' && !person.note)?.login ?? ''
  const row = (left: string, right: string) => `  ${left.padEnd(26)}${right}`
  const count = (provider: string) => people.filter((person) => person.provider === provider).length
  const elsewhere = dataDir !== path.resolve('.keymint')
  return [
    '',
    'Sign in with GitHub or Google (both are stand-ins: pick a person, there is no password):',
    '',
    row('admin (GitHub)', 'the organiser, sees /admin/w/duckdb-agents'),
    row(
      `${attendee} (GitHub)`,
      `an attendee, one of ${count('github')} there and ${count('google')} at Google`,
    ),
    row(
      `${demoTeam.owner} (GitHub)`,
      `owns the team at /t/${demoTeam.slug}/dashboard, with all four services in its vault`,
    ),
    row(`${demoTeam.member} (GitHub)`, 'a member of it, with a budget and a key at each service'),
    ...['unverified', 'no-email', 'twin-dots', 'twin-plus', 'viewer'].map((login) =>
      row(`${login} (GitHub)`, note(login)),
    ),
    '',
    row('Make things go wrong', openrouter.faultsUrl),
    row('', `curl -d '{"bindFails":true}' ${openrouter.faultsUrl}    (curl -X DELETE ends it)`),
    row('', `the same for sign-in: ${github.faultsUrl}; all faults: simulators/README.md`),
    row(
      'Readiness',
      `npm run doctor${elsewhere ? `    (needs the variables of ${environmentFile})` : ''}, or /admin/doctor as admin`,
    ),
    row('A management key', `${openrouter.managementKey} (for the vault of a team)`),
    row(
      'A LiteLLM proxy',
      `${litellm.baseUrl}, master key ${litellm.masterKey} (for the vault of a team)`,
    ),
    row('RunPod', `API key ${runpod.apiKey} (for the vault of a team)`),
    row('', `its address there: ${runpod.baseUrl}, of a machine: ${runpod.proxyUrl}`),
    row('S3', `${aws.baseUrl}, bucket ${aws.bucket} (for the vault of a team)`),
    row('', `access key ID ${aws.accessKeyId}, secret access key ${aws.secretAccessKey}`),
    row('Data and logs', `${path.relative('', dataDir) || '.'}/ (web.log, worker.log)`),
    row(
      'PostgreSQL',
      postgres.external ? 'the server of DATABASE_URL' : `our own, on port ${postgres.port}`,
    ),
    '',
  ].join('\n')
}
