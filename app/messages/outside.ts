/** Sentences for what a visitor sees of a deployment: `npm run doctor -- --url`. */
import type {
  OutsideCode,
  OutsideFinding,
  OutsideValues,
} from '~/domain/operations/outside-finding'
import { counted, listed, type Message } from './text'

type Messages = {
  [Code in OutsideCode]: (
    values: OutsideValues[Code],
  ) => readonly [sentence: string, remedy?: string]
}

const reasons: Record<string, string> = {
  ENOTFOUND: 'the name is unknown',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was ended',
  EHOSTUNREACH: 'no way leads there',
  timeout: 'no answer within 10 s',
  'connection-lost': 'the connection was ended',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by nobody but itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its issuer is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate of its issuer is not sent with it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
}
const reasonText = (reason: string) => reasons[reason] ?? reason

const apart = (seconds: number) =>
  `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} this machine’s`

const messages: Messages = {
  'not-visited': () => ['Not checked: “reach” must pass first.'],
  unreachable: ({ path, reason }) => [
    `${path} gave no answer: ${reasonText(reason)}.`,
    'Check the address, its DNS records and the proxy, then check again.',
  ],
  reached: ({ address }) => [`Keymint answers${address === null ? '' : ` at ${address}`}.`],
  'not-keymint': ({ status }) => [
    `/healthz answered ${status}, and not as Keymint does.`,
    'Check that the address leads to the web process, without a path or a sign-in page in between.',
  ],

  'no-tls': () => [
    'The address has no TLS: everybody on the way can read keys.',
    'Put a proxy in front that terminates TLS, and set APP_ORIGIN to the https address.',
  ],
  'certificate-refused': ({ reason }) => [
    `Browsers refuse the certificate: ${reasonText(reason)}.`,
    'Renew it at the proxy, with the certificates of its issuers.',
  ],
  'certificate-ends': ({ days }) => [
    `The certificate ends in ${counted(days, 'day')}, so its renewal is late.`,
    'Renew it at the proxy.',
  ],
  'certificate-ok': ({ days, protocol }) => [
    `The certificate is good for another ${counted(days, 'day')} (${protocol}).`,
  ],

  'https-ok': () => ['Plain http leads to https.'],
  'no-http': ({ reason }) => [
    `Nobody answers plain http (${reasonText(reason)}), so an address without https:// may not open.`,
    'Let the proxy listen on port 80 and redirect to https.',
  ],
  'in-the-clear': ({ status }) => [
    `Plain http is answered with ${status} and not led to https.`,
    'Let the proxy redirect all of http to https.',
  ],
  'redirect-elsewhere': ({ to }) => [
    `Plain http leads to ${to}, another address than this one.`,
    'Let the proxy redirect to the address in APP_ORIGIN.',
  ],
  'other-port': () => ['Not checked: plain http is looked for beside port 443 only.'],

  'headers-ok': () => ['The security headers arrive as Keymint sends them.'],
  'page-fails': ({ path, status }) => [
    `${path} answered ${status}.`,
    'See the log of the web process.',
  ],
  'headers-missing': ({ names }) => [
    `${listed(names)} ${names.length === 1 ? 'does' : 'do'} not arrive.`,
    'Let the proxy pass all headers on. Without strict-transport-security: set APP_ORIGIN to https.',
  ],
  'headers-twice': ({ names }) => [
    `${listed(names)} ${names.length === 1 ? 'arrives' : 'arrive'} twice.`,
    'Let the proxy add none of its own: Keymint sends them.',
  ],
  'hsts-short': ({ days }) => [
    `Browsers remember to use https for ${counted(days, 'day')} only.`,
    'Let the proxy pass on the strict-transport-security of Keymint.',
  ],
  'policy-changed': () => [
    'The content-security-policy is not the one of Keymint.',
    'Let the proxy pass it on unchanged.',
  ],
  'scripts-added': ({ count }) => [
    `Something in between adds ${counted(count, 'script')} to pages; browsers will refuse to run them.`,
    'Disable what changes pages in the proxy.',
  ],

  'not-kept': ({ paths }) => [`Nothing in between keeps ${listed(paths)}.`],
  'may-be-kept': ({ paths }) => [
    `${listed(paths)} ${paths.length === 1 ? 'arrives' : 'arrive'} without “no-store”, so others may keep them.`,
    'Let the proxy pass on cache-control unchanged.',
  ],
  'kept-between': ({ paths }) => [
    `A cache in between answers ${listed(paths)}: one person can see the page of another.`,
    'Disable caching in the proxy, except below /assets.',
  ],

  'ready-ok': () => ['/readyz says ready.'],
  'not-ready': ({ wrong }) => [
    `/readyz says not ready: ${listed(wrong)}.`,
    'See “/readyz is not ready” in docs/runbook.md.',
  ],

  'sign-in-starts': ({ addresses }) => [
    `The buttons send ${listed(addresses)}. The OAuth apps must list exactly these.`,
  ],
  'sign-in-fails': ({ provider, status }) => [
    `The button of ${provider} answered ${status} and does not lead to the provider.`,
    status === 403
      ? 'Let the proxy pass on Origin and Sec-Fetch-Site unchanged.'
      : 'See the log of the web process.',
  ],
  'sign-in-limited': ({ provider }) => [
    `The button of ${provider} was not tried: too many sign-ins from this address.`,
    'Check again in a few minutes.',
  ],
  'redirect-address': ({ provider, has, wanted }) => [
    `The button of ${provider} sends ${has}, and this address would be ${wanted}.`,
    'Set APP_ORIGIN to the address that people open, and restart.',
  ],
  'cookie-flags': ({ provider, missing }) => [
    `A cookie of the sign-in at ${provider} arrives without ${listed(missing)}.`,
    'Let the proxy pass on cookies unchanged, and set APP_ORIGIN to the https address.',
  ],

  'address-seen': ({ address }) => [`Keymint sees this machine as ${address}.`],
  'address-unknown': () => ['Not checked: this Keymint does not say whom it sees.'],
  'address-of-proxy': ({ address }) => [
    `Keymint sees everybody as ${address}, so all people share one limit.`,
    'Let the proxy add the visitor to X-Forwarded-For, or set CLIENT_IP_HEADER to its own header.',
  ],
  'address-as-told': () => [
    'A visitor can invent an address, and so avoid every limit for one address.',
    'Let the proxy overwrite X-Forwarded-For or the header in CLIENT_IP_HEADER.',
  ],

  'clock-agrees': ({ aheadSeconds }) => [`The clock is ${apart(aheadSeconds)}.`],
  'clock-differs': ({ aheadSeconds }) => [
    `The clock is ${apart(aheadSeconds)}.`,
    'Synchronise both machines. A cache in between would tell an old time, too.',
  ],
  'no-date': () => ['Not checked: the answer has no date.'],
}

function messageOf({ severity, code, ...values }: OutsideFinding): Message {
  // Each function gets the values of its own code: the type of `messages` says so.
  const write = messages[code] as (values: object) => readonly [sentence: string, remedy?: string]
  const [sentence, remedy = null] = write(values)
  return { sentence, remedy: severity === 'ok' || severity === 'skipped' ? null : remedy }
}

export function outsideMessage(findings: OutsideFinding[]): Message {
  const all = findings.map(messageOf)
  const remedies = new Set(all.flatMap(({ remedy }) => remedy ?? []))
  return {
    sentence: all.map(({ sentence }) => sentence).join(' '),
    remedy: remedies.size > 0 ? [...remedies].join(' ') : null,
  }
}
