/**
 * AWS's own clients, loaded when the first S3 credential is used. Each call is one request through
 * the guard of outbound addresses, with no retries. What is refused is told by its code; AWS repeats
 * key ids and strings to sign in its messages, so no message is passed on.
 */
import { Readable } from 'node:stream'
import { IAMClient } from '@aws-sdk/client-iam'
import { S3Client } from '@aws-sdk/client-s3'
import { STSClient } from '@aws-sdk/client-sts'
import { errorWithoutAnswer } from './litellm-answers.server'
import type { Outbound, OutboundRequest } from './outbound.server'
import {
  errorFromAnswer,
  isProviderError,
  ProviderError,
  type ProviderFailure,
} from './provider-error'
import type { ServiceCredential } from './service-adapter'

/** What a client hands to its request handler. */
type WireRequest = {
  method: string
  protocol: string
  hostname: string
  port?: number
  path: string
  query?: Record<string, string | string[] | null>
  headers: Record<string, string>
  body?: unknown
}

const timeoutMs = 8_000
/** A list of a thousand objects with names of 1,024 bytes, each escaped. */
const maxBytes = 8 * 1024 * 1024

export function createClients(outbound: Outbound, credential: ServiceCredential) {
  const settings = credential.settings ?? {}
  const own = credential.baseUrl
  const iamAddress = settings.iamAddress ?? own
  const common = {
    region: settings.region ?? 'us-east-1',
    credentials: { accessKeyId: settings.accessKeyId ?? '', secretAccessKey: credential.secret },
    maxAttempts: 1,
    requestHandler: { handle: (request: WireRequest) => handle(outbound, request) },
  }
  const iamEndpoint = iamAddress ? { endpoint: iamAddress } : {}
  // Each is made when it is asked for: most calls need only one.
  return {
    get iam() {
      return new IAMClient({ ...common, ...iamEndpoint })
    },
    get sts() {
      return new STSClient({ ...common, ...iamEndpoint })
    },
    /** For a client that is loaded where it is needed; our servers' metrics are at their address. */
    metrics: { ...common, ...(own ? { endpoint: own } : {}) },
    get s3() {
      return new S3Client({
        ...common,
        ...(own ? { endpoint: own, forcePathStyle: true } : {}),
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      })
    },
  }
}

/** One call; whatever goes wrong with it is a ProviderError that names the call. */
export async function one<Answer>(call: string, work: Promise<Answer>): Promise<Answer> {
  try {
    return await work
  } catch (error) {
    if (isProviderError(error)) throw new ProviderError({ ...error.details, call })
    throw new ProviderError({ call, kind: 'ambiguous', reason: 'unreadable-answer' })
  }
}

async function handle(outbound: Outbound, request: WireRequest) {
  const url = urlOf(request)
  const call = request.method
  const refusal = outbound.refusalOf(url.origin)
  if (refusal !== null)
    throw new ProviderError({
      call,
      kind: 'rejected',
      reason: 'refused',
      providerMessage: `Requests to this address are refused: ${refusal}.`,
    })
  const body = textOf(request.body)
  const { host: _, 'content-length': __, ...headers } = request.headers
  const answer = await outbound
    .send({
      method: request.method as OutboundRequest['method'],
      url,
      headers: { ...headers, host: url.host },
      ...(body === '' ? {} : { body }),
      timeoutMs,
      maxBytes,
    })
    .catch((error: unknown) =>
      Promise.reject(new ProviderError({ call, ...errorWithoutAnswer(error) })),
    )
  const { status } = answer
  if (status < 200 || status > 299) {
    // IAM and S3 answer in XML, CloudWatch in JSON.
    const code = /<Code>([\w.]{1,64})<\/Code>|"__type"\s*:\s*"(?:[\w.]+#)?(\w{1,64})"/.exec(
      answer.text,
    )
    throw new ProviderError({ call, status, ...failureOf(status, code?.[1] ?? code?.[2]) })
  }
  return {
    response: {
      statusCode: status,
      headers: Object.fromEntries(answer.headers),
      body: Readable.from([Buffer.from(answer.text)]),
    },
  }
}

/** XML, forms and JSON, some of them encoded already. */
const textOf = (body: unknown): string =>
  body instanceof Uint8Array ? new TextDecoder().decode(body) : typeof body === 'string' ? body : ''

function urlOf({ protocol, hostname, port, path, query = {} }: WireRequest): URL {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  const search = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) =>
      one === null ? encoded(name) : `${encoded(name)}=${encoded(one)}`,
    ),
  )
  const rest = search.length === 0 ? '' : `?${search.join('&')}`
  return new URL(`${protocol}//${host}${port === undefined ? '' : `:${port}`}${path}${rest}`)
}

const encoded = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

const passing = (reason: 'unauthorized' | 'forbidden' | 'rate-limited') =>
  ({ kind: 'retryable', reason }) as const
const refusedFor = (providerMessage: string) =>
  ({ kind: 'rejected', reason: 'refused', providerMessage }) as const

const wrongClock = {
  ...passing('unauthorized'),
  providerMessage: 'The clock of this Keymint is wrong by more than 15 minutes.',
}

/** The status does not suffice: AWS says what happened by a code. */
const failures: Record<string, ProviderFailure & { providerMessage?: string }> = {
  InvalidClientTokenId: passing('unauthorized'),
  InvalidAccessKeyId: passing('unauthorized'),
  SignatureDoesNotMatch: passing('unauthorized'),
  ExpiredToken: passing('unauthorized'),
  RequestTimeTooSkewed: wrongClock,
  RequestExpired: wrongClock,
  AccessDenied: passing('forbidden'),
  AllAccessDisabled: passing('forbidden'),
  Throttling: passing('rate-limited'),
  ThrottlingException: passing('rate-limited'),
  RequestLimitExceeded: passing('rate-limited'),
  SlowDown: passing('rate-limited'),
  ConcurrentModification: passing('rate-limited'),
  NoSuchEntity: { kind: 'rejected', reason: 'not-found' },
  NoSuchConfiguration: { kind: 'rejected', reason: 'not-found' },
  TooManyConfigurations: refusedFor('The bucket has as many metrics configurations as it may.'),
  UnrecognizedClientException: passing('unauthorized'),
  AccessDeniedException: passing('forbidden'),
  NoSuchBucket: refusedFor('There is no such bucket.'),
  PermanentRedirect: refusedFor('The bucket is in another region.'),
  AuthorizationHeaderMalformed: refusedFor('The bucket is in another region.'),
  LimitExceeded: refusedFor('The account has as many users as it may, or the user as many keys.'),
  MalformedPolicyDocument: { kind: 'rejected', reason: 'bad-request' },
  InvalidInput: { kind: 'rejected', reason: 'bad-request' },
  ValidationError: { kind: 'rejected', reason: 'bad-request' },
  // The name is ours and new: an earlier answer was lost.
  EntityAlreadyExists: { kind: 'ambiguous', reason: 'server-error' },
  DeleteConflict: { kind: 'ambiguous', reason: 'server-error' },
}

const failureOf = (status: number, code: string | undefined) =>
  (code === undefined ? undefined : failures[code]) ?? errorFromAnswer(status, code !== undefined)
