import { keepSparesOf } from '~/domain/claim/spares.server'
import type { JobHandler } from './job-handler'

export const keepSparesJob: JobHandler<'keep-spares'> = async (ctx, { workshopSlug }) => {
  await keepSparesOf(ctx, workshopSlug)
  return { kind: 'done' }
}
