/** Every kind of bulk action, by its name. A new one adds itself here. */
import { claimKinds } from '../claim/claim-kinds.server'
import { cancelJobs, redriveJobs, retryJobs } from './queue/bulk-jobs.server'
import type { BulkKind } from '../bulk/bulk-kind'

const kinds: readonly BulkKind[] = [...claimKinds, retryJobs, cancelJobs, redriveJobs]

export const bulkKinds: ReadonlyMap<string, BulkKind> = new Map(
  kinds.map((kind) => [kind.name, kind]),
)
