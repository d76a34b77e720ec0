import type { RefusedReason } from '~/domain/claim/claim.server'

const codeRefusals: ReadonlySet<string> = new Set<RefusedReason>([
  'code-needed',
  'code-wrong',
  'code-limit',
])

/** What the form of the workshop says beside its code. */
export const isCodeRefusal = (code: string | null): code is RefusedReason =>
  code !== null && codeRefusals.has(code)
