/**
 * Every URL of the API, with who may call it. A path that is here with another method is 405; one
 * that is not here is 404.
 */
import { completeChat } from './chat.ts'
import * as guardrails from './guardrails.ts'
import * as keys from './keys.ts'
import { countMessageTokens, createMessage } from './messages.ts'
import * as reports from './reports.ts'
import { createResponse } from './responses.ts'
import { refuse } from './wire.ts'
import * as workspaces from './workspaces.ts'
import type { Handler } from './world.ts'

/**
 * management: a management key. caller: any key. optional: no key needed, but one that is sent must
 * be good.
 */
type Gate = 'management' | 'caller' | 'optional'

export interface Route {
  method: string
  pattern: string
  gate: Gate
  handler: Handler
}

const table: readonly (readonly [endpoint: string, gate: Gate, handler: Handler])[] = [
  ['POST /keys', 'management', keys.createKey],
  ['GET /keys', 'management', keys.listKeys],
  ['GET /keys/{hash}', 'management', keys.getKey],
  ['PATCH /keys/{hash}', 'management', keys.updateKey],
  ['DELETE /keys/{hash}', 'management', keys.deleteKey],
  ['GET /key', 'caller', reports.getCallingKey],
  ['GET /credits', 'caller', reports.getCredits],
  ['GET /guardrails', 'management', guardrails.listGuardrails],
  ['POST /guardrails', 'management', guardrails.createGuardrail],
  ['GET /guardrails/assignments/keys', 'management', guardrails.listAssignments],
  ['GET /guardrails/assignments/members', 'management', guardrails.refuseMembers],
  ['GET /guardrails/{id}', 'management', guardrails.getGuardrail],
  ['PATCH /guardrails/{id}', 'management', guardrails.updateGuardrail],
  ['DELETE /guardrails/{id}', 'management', guardrails.deleteGuardrail],
  ['GET /guardrails/{id}/assignments/keys', 'management', guardrails.listAssignmentsOfGuardrail],
  ['POST /guardrails/{id}/assignments/keys', 'management', guardrails.assignKeys],
  ['POST /guardrails/{id}/assignments/keys/remove', 'management', guardrails.unassignKeys],
  ['GET /guardrails/{id}/assignments/members', 'management', guardrails.refuseMembers],
  ['POST /guardrails/{id}/assignments/members', 'management', guardrails.refuseMembers],
  ['POST /guardrails/{id}/assignments/members/remove', 'management', guardrails.refuseMembers],
  ['GET /workspaces', 'management', workspaces.listWorkspaces],
  ['POST /workspaces', 'management', workspaces.createWorkspace],
  ['GET /workspaces/{id}', 'management', workspaces.getWorkspace],
  ['PATCH /workspaces/{id}', 'management', workspaces.updateWorkspace],
  ['DELETE /workspaces/{id}', 'management', workspaces.deleteWorkspace],
  ['GET /workspaces/{id}/budgets', 'management', workspaces.refuseBudgets],
  ['GET /workspaces/{id}/budgets/{interval}', 'management', workspaces.refuseBudgets],
  ['PUT /workspaces/{id}/budgets/{interval}', 'management', workspaces.refuseBudgets],
  ['DELETE /workspaces/{id}/budgets/{interval}', 'management', workspaces.refuseBudgets],
  ['GET /activity', 'management', reports.getActivity],
  ['GET /generation', 'caller', reports.getGeneration],
  ['GET /models', 'optional', reports.listModels],
  ['GET /models/count', 'optional', reports.countModels],
  ['GET /models/user', 'caller', reports.listModelsOfCaller],
  ['GET /model/{author}/{slug}', 'optional', reports.getModel],
  ['POST /chat/completions', 'caller', completeChat],
  ['POST /responses', 'caller', createResponse],
  ['POST /messages', 'caller', createMessage],
  ['POST /messages/count_tokens', 'caller', countMessageTokens],
]

const routes = table.map(([endpoint, gate, handler]) => {
  const [method = '', pattern = ''] = endpoint.split(' ')
  return { method, pattern, gate, handler, segments: pattern.split('/') }
})

/** Routes by their number of segments; within one number a literal stands before a placeholder. */
const routesBySize = new Map<number, typeof routes>()
for (const route of routes)
  routesBySize.set(route.segments.length, [
    ...(routesBySize.get(route.segments.length) ?? []),
    route,
  ])

export function findRoute(method: string, path: string): { route: Route; params: string[] } {
  const segments = path.split('/')
  let isKnownPath = false
  for (const route of routesBySize.get(segments.length) ?? []) {
    const params: string[] = []
    const fits = route.segments.every((segment, index) => {
      const given = segments[index] ?? ''
      if (!segment.startsWith('{')) return segment === given
      params.push(decode(given))
      return given !== ''
    })
    if (!fits) continue
    if (route.method === method) return { route, params }
    isKnownPath = true
  }
  throw isKnownPath ? refuse(405) : refuse(404, 'Not Found')
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw refuse(400)
  }
}
