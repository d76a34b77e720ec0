/**
 * The ways in which an alert leaves: a signed webhook, a webhook as Slack takes it, and mail. One
 * try a call, never a retry. Where a webhook goes and what signs it stands in the environment and
 * nowhere else; requests go through the guard of outbound.server.ts, which follows no redirect.
 */
import { createHmac } from 'node:crypto'
import type { QuietHours } from '~/quiet-hours'
import { cut } from '~/text'
import { scrub } from './log.server'
import type { MailServer } from './mail.server'
import { OutboundError, type AddressRefusal, type Outbound } from './outbound.server'

export type ChannelName = 'webhook' | 'slack' | 'mail'

/** Of a mail its receiver's address; "deployment" where the address stands in the environment. */
export type Recipient = { channel: ChannelName; address: string }
export const ofDeployment = 'deployment'

/** With the address of a webhook that stands outside the environment. */
export type Target = Recipient & { hook?: Hook }
/** `secrets`: newest first; each of them signs. A Slack webhook has none. */
export type Hook = { url: string; secrets: string[] }

/** What is sent, the same in every try: `id` is the delivery's. */
export type AlertPost = {
  id: string
  event: string
  severity: string
  createdAt: string
  title: string
  text: string
  nextStep: string | null
  url: string
  /** The alert that it is about; null for a digest and a test. */
  alert: object | null
  /** Of a digest: what was held back. */
  items: { title: string; text: string; url: string }[]
}

export type PostFailure =
  | 'refused'
  | 'redirected'
  | 'server-error'
  | 'timeout'
  | 'unreachable'
  | 'connection-lost'
  | 'address-refused'
  | 'answer-too-long'
  | 'not-configured'
  /** What was stored makes no message any more. */
  | 'unreadable'

export type PostAnswer = {
  /** Null where it was delivered. */
  failure: PostFailure | null
  /** Whether another try may end otherwise. */
  mayRetry: boolean
  status: number | null
  /** The start of what was answered, without our secrets. */
  text: string
}

export type Alerts = {
  /** Who is told about this deployment. */
  staff: Recipient[]
  quietHours: QuietHours | null
  /** A webhook's host, a mail's receiver: nothing secret. */
  placeOf(to: Recipient): string
  /** Why a webhook at this address is never called; null where it is. */
  refusalOf(url: string): AddressRefusal | null
  /** Never throws. */
  send(to: Target, post: AlertPost): Promise<PostAnswer>
}

export type AlertsConfig = {
  webhook: Hook | null
  slackUrl: string | null
  mailTo: string[]
  quietHours: QuietHours | null
  appOrigin: string
}

const timeoutMs = 10_000
const maxAnswerBytes = 64 * 1024
const maxAnswerLength = 500

export function createAlerts(
  config: AlertsConfig,
  outbound: Outbound,
  mailer: MailServer | null,
): Alerts {
  const ofEnvironment = (channel: ChannelName): Hook | null => {
    if (channel === 'webhook') return config.webhook
    return config.slackUrl === null ? null : { url: config.slackUrl, secrets: [] }
  }
  const placeOf = ({ channel, address }: Recipient): string => {
    const url = channel === 'webhook' ? config.webhook?.url : config.slackUrl
    return channel === 'mail' ? address : url ? new URL(url).host : ''
  }
  return {
    quietHours: config.quietHours,
    staff: [
      ...(config.webhook ? [{ channel: 'webhook' as const, address: ofDeployment }] : []),
      ...(config.slackUrl === null ? [] : [{ channel: 'slack' as const, address: ofDeployment }]),
      ...(mailer ? config.mailTo.map((address) => ({ channel: 'mail' as const, address })) : []),
    ],
    placeOf,
    refusalOf: (url) => outbound.refusalOf(withoutQuery(url)),
    async send(to, post) {
      if (to.channel === 'mail')
        return mailer ? mailTo(mailer, to.address, post, config.appOrigin) : notConfigured
      const hook = to.hook ?? (to.address === ofDeployment ? ofEnvironment(to.channel) : null)
      if (hook === null) return notConfigured
      if (to.channel === 'slack')
        return postTo(outbound, hook.url, {}, JSON.stringify({ text: slackText(post) }))
      const body = JSON.stringify(post)
      return postTo(outbound, hook.url, signedHeaders(hook.secrets, post, body, new Date()), body)
    },
  }
}

/** Some receivers take their token in the query. */
function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return url
  const plain = new URL(url)
  plain.search = ''
  return plain.href
}

const notConfigured: PostAnswer = {
  failure: 'not-configured',
  mayRetry: false,
  status: null,
  text: '',
}

/** As docs/alerts.md tells receivers. The time is the try's, the id the delivery's. */
export function signedHeaders(
  secrets: string[],
  post: Pick<AlertPost, 'id' | 'event'>,
  body: string,
  at: Date,
): Record<string, string> {
  const seconds = Math.floor(at.getTime() / 1000)
  const signatures = secrets.map(
    (secret) => `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`,
  )
  return {
    'user-agent': 'Keymint',
    'keymint-event': post.event,
    'keymint-delivery': post.id,
    'keymint-signature': [`t=${seconds}`, ...signatures].join(','),
  }
}

async function postTo(
  outbound: Outbound,
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<PostAnswer> {
  try {
    const { status, text } = await outbound.send({
      method: 'POST',
      url: new URL(url),
      headers: { accept: '*/*', ...headers },
      body,
      timeoutMs,
      maxBytes: maxAnswerBytes,
    })
    return { ...judgeStatus(status), status, text: answerText(text) }
  } catch (error) {
    const failure = failureOf(error)
    return { failure, mayRetry: failure !== 'address-refused', status: null, text: '' }
  }
}

/** These mean "later"; any other refusal stays what it is until somebody changes something. */
const laterStatuses = new Set([408, 425, 429])

function judgeStatus(status: number): Pick<PostAnswer, 'failure' | 'mayRetry'> {
  if (status >= 200 && status < 300) return { failure: null, mayRetry: false }
  if (status >= 300 && status < 400) return { failure: 'redirected', mayRetry: false }
  if (status >= 500) return { failure: 'server-error', mayRetry: true }
  return { failure: 'refused', mayRetry: laterStatuses.has(status) }
}

function failureOf(error: unknown): PostFailure {
  if (!(error instanceof OutboundError)) return 'unreachable'
  return error.reason === 'too-long' ? 'answer-too-long' : error.reason
}

async function mailTo(
  mailer: MailServer,
  to: string,
  post: AlertPost,
  appOrigin: string,
): Promise<PostAnswer> {
  const { accepted, code, text } = await mailer.post({
    to,
    subject: `[Keymint] ${oneLine(post.title)}`,
    text: plainText(post),
    id: `<${post.id}@${new URL(appOrigin).hostname}>`,
  })
  if (accepted) return { failure: null, mayRetry: false, status: code, text: answerText(text) }
  const isRefused = code !== null && code >= 500
  return {
    failure: isRefused ? 'refused' : code === null ? 'unreachable' : 'server-error',
    mayRetry: !isRefused,
    status: code,
    text: answerText(text),
  }
}

const answerText = (text: string) =>
  cut(scrub(text.replace(/[^\P{Cc}\n]/gu, ' ').trim()), maxAnswerLength)

const oneLine = (text: string) => text.replace(/\s+/g, ' ')

function plainText(post: AlertPost): string {
  const items = post.items.map((item) => `- ${item.title}\n  ${item.text}\n  ${item.url}`)
  return [post.title, '', post.text, post.nextStep, ...items, '', post.url]
    .filter((line) => line !== null)
    .join('\n')
}

/** No text of others mentions anybody, or hides an address behind a link. */
function slackText(post: AlertPost): string {
  const items = post.items.map((item) => `• ${plain(item.title)} ${plain(item.text)}`)
  const lines = [post.text, post.nextStep].filter((line) => line !== null).map(plain)
  return [`*${plain(post.title)}*`, ...lines, ...items, post.url].join('\n')
}

const plain = (text: string) =>
  oneLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
    .replaceAll('*', '∗')
