/** What the tests beside this file share: a stand-in, its control API, and the official SDK. */
import { OpenRouter } from '@openrouter/sdk'
import type { ChatResult, ChatStreamChunk } from '@openrouter/sdk/models'
import { startOpenRouter, type OpenRouterOptions, type RunningOpenRouter } from './server.ts'

export interface TestBench extends AsyncDisposable {
  running: RunningOpenRouter
  management: OpenRouter
  as(key: string): OpenRouter
  /** The control API: `sim('POST', 'faults', {...})`. */
  sim<T = unknown>(method: string, path: string, body?: object): Promise<T>
  /** A raw call below `/api/v1` with the management key, for what the SDK would not send. */
  raw(
    method: string,
    path: string,
    body?: unknown,
    key?: string | null,
  ): Promise<{ status: number; body: unknown; headers: Headers }>
}

export async function startBench(options: OpenRouterOptions = {}): Promise<TestBench> {
  const running = await startOpenRouter(options)
  const simUrl = new URL('/__sim/', running.baseUrl)
  return {
    running,
    management: makeClient(running.baseUrl, running.managementKey),
    as: (key) => makeClient(running.baseUrl, key),
    async sim<T>(method: string, path: string, body?: object) {
      const response = await fetch(new URL(path, simUrl), {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      if (!response.ok)
        throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`)
      return (await response.json()) as T
    },
    async raw(method, path, body, key = running.managementKey) {
      const response = await fetch(`${running.baseUrl}${path}`, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      return {
        status: response.status,
        body: text === '' ? null : (JSON.parse(text) as unknown),
        headers: response.headers,
      }
    },
    [Symbol.asyncDispose]: () => running.stop(),
  }
}

export function makeClient(serverURL: string, apiKey: string): OpenRouter {
  return new OpenRouter({ apiKey, serverURL, timeoutMs: 5000, retryConfig: { strategy: 'none' } })
}

/** A plain chat; the SDK's types leave open whether it streams. */
export async function sendChat(
  client: OpenRouter,
  model: string,
  content: string,
  maxTokens?: number,
): Promise<ChatResult> {
  const answer = await client.chat.send({
    chatRequest: {
      model,
      messages: [{ role: 'user', content }],
      stream: false,
      ...(maxTokens === undefined ? {} : { maxTokens }),
    },
  })
  if (!('choices' in answer)) throw new Error('A plain chat was answered with a stream')
  return answer
}

export async function streamChat(
  client: OpenRouter,
  model: string,
  content: string,
  maxTokens?: number,
): Promise<AsyncIterable<ChatStreamChunk>> {
  const answer = await client.chat.send({
    chatRequest: {
      model,
      messages: [{ role: 'user', content }],
      stream: true,
      ...(maxTokens === undefined ? {} : { maxTokens }),
    },
  })
  if ('choices' in answer) throw new Error('A streamed chat was answered whole')
  return answer
}

/**
 * The HTTP status with which an SDK call failed; the error itself holds secrets and is not shown.
 */
export async function statusOf(call: Promise<unknown>): Promise<number | string> {
  try {
    await call
    return 'succeeded'
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')
      return error.statusCode
    return error instanceof Error ? error.name : 'unknown'
  }
}

export async function failureOf(
  call: Promise<unknown>,
): Promise<{ status: number | null; name: string; message: string }> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return {
      status:
        'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : null,
      name: error.name,
      message: error.message,
    }
  }
  throw new Error('The call succeeded')
}
