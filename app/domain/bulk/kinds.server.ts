/** Every kind of bulk action, by its name. A new one adds itself here. */
import { claimKinds } from '../lifecycle/claim-kinds.server'
import type { BulkKind } from './bulk-kind'

const kinds: readonly BulkKind[] = [...claimKinds]

export const bulkKinds: ReadonlyMap<string, BulkKind> = new Map(kinds.map((kind) => [kind.name, kind]))
