/** What a fault does to an answer on the socket. Each stand-in writes its errors itself. */
import type { ServerResponse } from 'node:http'
import type { FaultKind, FaultRule } from './faults.ts'
import { isObject } from './reading.ts'
import { Refusal } from './refusal.ts'
import type { Reply } from './reply.ts'
import { send, type Pause } from './server.ts'

export interface FaultContext {
  pause: Pause
  /** The provider's usual message for a status. */
  messageOf(status: number): string
  refuse(response: ServerResponse, refusal: Refusal): void
}

const refusalKinds: ReadonlySet<FaultKind> = new Set([
  'refuse',
  '401',
  '402',
  '403',
  '429',
  '500',
  '503',
])

/** Faults that come before any work. True when the call is over. */
export async function failBefore(
  fault: FaultRule | null,
  response: ServerResponse,
  context: FaultContext,
): Promise<boolean> {
  if (fault === null) return false
  if (fault.fault === '502-html') {
    response.writeHead(502, { 'content-type': 'text/html; charset=UTF-8', server: 'cloudflare' })
    response.end(
      '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>' +
        '<body><center><h1>502 Bad Gateway</h1></center></body></html>',
    )
    return true
  }
  if (fault.fault === 'hang') await context.pause(fault.delayMs ?? 3_600_000)
  if (fault.fault === 'hang' || fault.fault === 'reset-before') {
    response.destroy()
    return true
  }
  if (!refusalKinds.has(fault.fault)) return false
  context.refuse(response, refusalOf(fault, context))
  return true
}

/** Sends the reply, or what a fault makes of it; the work is done either way. */
export async function answer(
  reply: Reply,
  fault: FaultRule | null,
  response: ServerResponse,
  context: FaultContext,
): Promise<void> {
  if (fault?.fault === 'reset-after') response.destroy()
  if (fault?.fault === 'late') await context.pause(fault.delayMs ?? 30_000)
  if (reply.kind === 'stream') return reply.run(response)
  if (fault?.fault === 'reset-after') return
  if (fault?.fault === '500-after')
    return context.refuse(response, refusalOf({ ...fault, status: fault.status ?? 500 }, context))
  sendReply(response, reply, fault)
}

export function sendReply(response: ServerResponse, reply: Reply, fault: FaultRule | null): void {
  if (reply.kind === 'stream') return
  if (fault?.fault === 'drop-field')
    return send(
      response,
      reply.status,
      JSON.stringify(dropField(reply.body, fault.field)),
      reply.headers,
    )
  if (fault?.fault === 'extra-fields')
    return send(response, reply.status, JSON.stringify(addFields(reply.body)), reply.headers)
  const text = JSON.stringify(reply.body)
  send(
    response,
    reply.status,
    fault?.fault === 'unreadable' ? text.slice(0, Math.ceil(text.length / 2)) : text,
    reply.headers,
  )
}

function refusalOf(fault: FaultRule, context: FaultContext): Refusal {
  const status = fault.status ?? Number.parseInt(fault.fault, 10)
  const headers: Record<string, string> =
    status === 429
      ? {
          'x-ratelimit-limit': '20',
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(Date.now() + (fault.retryAfterSeconds ?? 1) * 1000),
        }
      : {}
  return new Refusal(status, fault.message ?? context.messageOf(status), {
    metadata:
      fault.metadata ?? (status === 429 ? { error_type: 'rate_limit_exceeded' } : undefined),
    retryAfterSeconds: fault.retryAfterSeconds,
    headers,
  })
}

function dropField(body: unknown, field: string | undefined): unknown {
  const copy: unknown = structuredClone(body)
  const target = isObject(copy) && copy['data'] !== undefined ? copy['data'] : copy
  for (const one of Array.isArray(target) ? target : [target]) {
    if (!isObject(one)) continue
    const name =
      field ??
      ['created_at', 'label', 'total_usage'].find((usual) => usual in one) ??
      Object.keys(one)[0]
    if (name !== undefined) delete one[name]
  }
  if (field !== undefined && isObject(copy)) delete copy[field]
  return copy
}

function addFields(body: unknown): unknown {
  if (!isObject(body)) return body
  const data = body['data']
  return {
    ...body,
    data: isObject(data) ? { ...data, a_field_of_tomorrow: { since: 'tomorrow' } } : data,
    another_field_of_tomorrow: true,
  }
}
