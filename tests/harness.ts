/** What a test starts from: a world on a clone of the run's template. */
import { inject } from 'vitest'
import { openWorldOn, type WorldOptions } from './test-world'

export { makeWorkshop, usd, type World, type WorldOptions } from './test-world'

/** Opens a world; `await using` closes it with everything in it. */
export const openWorld = (options: WorldOptions = {}) =>
  openWorldOn(
    { adminUrl: inject('postgresAdminUrl'), template: inject('postgresTemplate') },
    options,
  )
