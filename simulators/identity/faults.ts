/** Faults ordered over HTTP for a sign-in provider. */
import { json, type Answer, type Call } from './answers'

/** A fault ordered by `POST /__sim/faults`, for the next `times` requests to `path`. */
export type Fault = {
  path: string
  method?: string
  times: number
  delayMs: number
  /** Answer this instead of asking the emulator. */
  status?: number
  body?: unknown
  headers?: Record<string, string>
  /** Close the connection without an answer. */
  drop: boolean
  /** With drop: do the work first, and lose only the answer. */
  after: boolean
}

export function orderFault(faults: Fault[], call: Call): Answer {
  if (call.method === 'GET') return json(200, { faults })
  if (call.method === 'DELETE') {
    faults.length = 0
    return json(200, { faults })
  }
  if (call.method !== 'POST') return json(405, { error: 'GET, POST or DELETE.' })
  let wanted: unknown
  try {
    wanted = JSON.parse(call.body)
  } catch {
    return json(400, { error: 'The body must be JSON.' })
  }
  const fresh: Fault[] = []
  for (const item of Array.isArray(wanted) ? (wanted as unknown[]) : [wanted]) {
    const fault = faultOf(item)
    if (typeof fault === 'string') return json(400, { error: fault })
    fresh.push(fault)
  }
  faults.push(...fresh)
  return json(201, { faults })
}

function faultOf(item: unknown): Fault | string {
  if (typeof item !== 'object' || item === null)
    return (
      'A fault is an object: ' +
      '{"path", "status"?, "body"?, "headers"?, "delayMs"?, "drop"?, "after"?, "method"?, "times"?}.'
    )
  const {
    path,
    method,
    times = 1,
    delayMs = 0,
    status,
    body,
    headers,
    drop = false,
    after = false,
    ...unknown
  } = item as Record<string, unknown>
  if (Object.keys(unknown).length) return `Unknown: ${Object.keys(unknown).join(', ')}.`
  if (typeof path !== 'string' || !path.startsWith('/'))
    return 'path must be a path such as "/user/emails".'
  if (
    typeof times !== 'number' ||
    typeof delayMs !== 'number' ||
    (status !== undefined && typeof status !== 'number')
  )
    return 'times, delayMs and status must be numbers.'
  return {
    path,
    times,
    delayMs,
    drop: drop === true,
    after: after === true,
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body }),
    ...(typeof method === 'string' ? { method: method.toUpperCase() } : {}),
    ...(typeof headers === 'object' && headers !== null
      ? { headers: headers as Record<string, string> }
      : {}),
  }
}

export function takeFault(faults: Fault[], call: Call): Fault | undefined {
  const path = call.url.pathname.replace(/^\/api\/v3(?=\/)/, '')
  const at = faults.findIndex(
    (fault) =>
      (fault.path === path || fault.path === call.url.pathname) &&
      (!fault.method || fault.method === call.method),
  )
  const fault = faults[at]
  if (fault && --fault.times <= 0) faults.splice(at, 1)
  return fault
}
