/**
 * Wraps every loader and action: hands over ctx, and turns an unreachable database into a 503 that
 * the error page explains.
 */
import type { ActionFunctionArgs, LoaderFunctionArgs } from '@remix-run/node'
import { isDatabaseUnavailable } from '~/adapters/db.server'
import type { AuthSetup } from '~/adapters/identity-providers.server'
import type { Ctx } from '~/domain/ctx'
import { NotAllowed, TeamClosed } from '~/domain/money/member-lock.server'

declare module '@remix-run/node' {
  interface AppLoadContext {
    ctx: Ctx
    auth: AuthSetup
    cspNonce: string
    requestId: string
    /** The client's address, as the proxy in front says; null when unknown. */
    ip: string | null
    /** How many times longer than usual watchers are told to wait, because many watch. */
    pollStretch: number
  }
}

export type HandlerArgs = {
  request: Request
  params: Record<string, string | undefined>
  ctx: Ctx
  auth: AuthSetup
  requestId: string
  ip: string | null
  pollStretch: number
}

/** Wraps a loader or an action. Responses that the handler throws pass through untouched. */
export function handler<Result>(run: (args: HandlerArgs) => Promise<Result>) {
  return async ({
    request,
    params,
    context,
  }: LoaderFunctionArgs | ActionFunctionArgs): Promise<Result> => {
    try {
      return await run({
        request,
        params,
        ctx: context.ctx,
        auth: context.auth,
        requestId: context.requestId,
        ip: context.ip,
        pollStretch: context.pollStretch,
      })
    } catch (error) {
      // What this person may no longer do does not exist for them.
      if (error instanceof NotAllowed) throw notFound()
      if (error instanceof TeamClosed) throw new Response('team-closed', { status: 409 })
      if (!isDatabaseUnavailable(error)) throw error
      context.ctx.log.warn({ error }, 'the database is unreachable')
      throw new Response('database-unavailable', {
        status: 503,
        headers: { 'Retry-After': '5', 'Cache-Control': 'no-store' },
      })
    }
  }
}

/** The same answer for what does not exist and for what this person may not see. */
export function notFound(): Response {
  return new Response('not-found', { status: 404 })
}

/** For a form that no page of ours sends. */
export const badRequest = () => new Response('bad-request', { status: 400 })
