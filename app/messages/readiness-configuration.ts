import type { WeakSecret } from '~/domain/ctx'
import type { MessagesFor } from './readiness'
import { counted, listed, sentenceOf } from './text'

const weakness: Record<WeakSecret, string> = {
  'session-example':
    'SESSION_SECRET looks like an example: anybody who knows it can sign in as anybody.',
  'session-repetitive': 'SESSION_SECRET is not random: it repeats a few characters.',
  'encryption-not-random': 'ENCRYPTION_KEY is not random.',
  'session-is-encryption':
    'SESSION_SECRET and ENCRYPTION_KEY are the same: whoever learns one has both.',
  'metrics-is-session':
    'METRICS_TOKEN and SESSION_SECRET are the same: other machines see the token.',
  'metrics-is-encryption':
    'METRICS_TOKEN and ENCRYPTION_KEY are the same: other machines see the token.',
}

const correctFile = 'Correct the file and deploy; `npm run workshops:check` names each line.'

export const configurationMessages: MessagesFor<
  | 'environment-ok'
  | 'variables-unusable'
  | 'secrets-ok'
  | 'secret-weak'
  | 'seal-keys-lost'
  | 'sealed-credentials-lost'
  | 'files-ok'
  | 'file-problem'
  | 'no-workshop'
  | 'sample-public'
  | 'sign-in-ok'
  | 'sign-in-unset'
  | 'origin-without-https'
  | 'sign-in-unreachable'
  | 'sign-in-failing'
  | 'sign-in-refused'
  | 'giveaways-closed'
  | 'switch-ok'
> = {
  'environment-ok': () => ['All variables are set and well-formed.'],
  'variables-unusable': ({ problems }) => [
    `${counted(problems.length, 'variable')} cannot be used. ${problems.map(sentenceOf).join(' ')}`,
    'Correct them where you keep secrets (`fly secrets set`); .env.example describes each. ' +
      'No process starts until then.',
  ],
  'secrets-ok': () => ['The secrets are random and differ from each other.'],
  'secret-weak': (values) => [
    weakness[values.weakness],
    'Create new ones with `openssl rand -base64 32` and rotate them: ' +
      'docs/runbook.md, “Rotating a secret”.',
  ],
  'seal-keys-lost': ({ keys, ids }) => [
    `${counted(keys, 'key')} cannot be shown to ${keys === 1 ? 'its holder' : 'their holders'}: ` +
      `sealed with a key that ENCRYPTION_KEY no longer holds (${listed(ids)}).`,
    'Put that key back, behind the newest one: docs/runbook.md, “Rotating a secret”.',
  ],
  'sealed-credentials-lost': ({ credentials, ids }) => [
    `${counted(credentials, 'credential')} of teams cannot be used: ` +
      `sealed with a key that ENCRYPTION_KEY no longer holds (${listed(ids)}).`,
    'Put that key back, behind the newest one: docs/runbook.md, “Rotating a secret”.',
  ],
  'files-ok': ({ slugs }) => [
    `${counted(slugs.length, 'workshop file')} without errors: ${listed(slugs)}.`,
  ],
  'file-problem': ({ problem }) => [sentenceOf(problem), correctFile],
  'no-workshop': () => [
    'There is no workshop.',
    'Add workshops/<slug>.yaml and deploy: docs/workshop-files.md.',
  ],
  'sample-public': ({ slugs }) => [
    `${listed(slugs)}: ${slugs.length === 1 ? 'a sample' : 'samples'} of the demo. ` +
      'Anybody with an account can claim keys there until the date in the file.',
    'Delete the file, or give it a name and a title of your own, and deploy.',
  ],
  'sign-in-ok': ({ addresses }) => [
    'All sign-in providers answer. Register these exact callback addresses: ' +
      `${addresses.map(({ provider, redirectUri }) => `${provider}: ${redirectUri}`).join(', ')}.`,
  ],
  'sign-in-unset': () => ['Not checked: the environment has no addresses of sign-in.'],
  'origin-without-https': ({ origin }) => [
    `APP_ORIGIN is ${origin}: without https anybody on the same network can take over a session.`,
    'Set APP_ORIGIN to the https address.',
  ],
  'sign-in-unreachable': ({ provider, origin, error }) => [
    `${provider} does not answer at ${origin} (${error}).`,
    `Check outgoing connections and ${provider}’s status page; the other provider still works.`,
  ],
  'sign-in-failing': ({ provider, origin, status }) => [
    `${provider} answers ${status} at ${origin}.`,
    `Check ${provider}’s status page; the other provider still works.`,
  ],
  'sign-in-refused': ({ provider, status, redirectUri }) => [
    `${provider} answers ${status} to a sign-in: it may not know the client id or ${redirectUri}.`,
    'Compare client id and callback address with the OAuth app, then sign in once yourself.',
  ],
  'giveaways-closed': ({ slugs }) => [
    `MAX_TOTAL_KEYS is missing or not a whole number: ${listed(slugs)} will hand out no keys.`,
    'Set MAX_TOTAL_KEYS to the maximum number of keys for all giveaways together.',
  ],
  'switch-ok': ({ slugs, later = [], ended = [] }) => [
    [
      slugs.length === 0
        ? 'Key creation is on. No workshop is open or opens within a week.'
        : `Key creation is on. Open now or within a week: ${listed(slugs)}.`,
      ...(later.length > 0
        ? [`Later: ${listed(later.map(({ slug, days }) => `${slug} in ${counted(days, 'day')}`))}.`]
        : []),
      ...(ended.length > 0 ? [`Over: ${listed(ended)}.`] : []),
    ].join(' '),
  ],
}
