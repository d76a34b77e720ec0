import { setupScript } from '~/components/claim/setup-script'
import { handler } from '~/web/handler.server'

/** The script of the setup in one line, for this deployment. It holds no secret. */
export const loader = handler(
  async ({ ctx }) =>
    new Response(
      setupScript({
        origin: ctx.deployment.appOrigin,
        baseUrl: ctx.settings.providerBaseUrl,
      }),
      { headers: { 'Content-Type': 'text/javascript; charset=utf-8' } },
    ),
)
