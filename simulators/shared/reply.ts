/** What a handler returns; only server.ts of a stand-in touches sockets. */
import type { ServerResponse } from 'node:http'

export type Reply =
  | { kind: 'json'; status: number; body: unknown; headers?: Record<string, string> }
  | { kind: 'stream'; run(response: ServerResponse): Promise<void> }

export function json(body: unknown, status = 200): Reply {
  return { kind: 'json', status, body }
}
