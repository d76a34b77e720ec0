/**
 * Lines that were once broken on purpose, of the code of then, and that no test noticed. Each dies
 * now, at the place that took over what it guaranteed: `npm run mutate -- --known`.
 */
import type { Mutant } from './mutant'

type Line = Pick<Mutant, 'file' | 'language' | 'operator' | 'from' | 'to'> & { what: string }

const lines: Line[] = [
  {
    what: 'revoke does not wait for a change under way',
    file: 'app/domain/keys/apply.server.ts',
    language: 'sql',
    operator: 'dropped condition',
    from: "and (call_sent_at is null or call_sent_at <= keymint.now() - interval '15 s')",
    to: '',
  },
  {
    what: 'an ended key counts only what is known of it',
    file: 'app/domain/keys/windows.ts',
    language: 'ts',
    operator: 'early return',
    from: 'if (isOver(key)) return kept',
    to: 'if (isOver(key)) return used',
  },
  {
    what: 'a pause is not read again in the takeover',
    file: 'app/domain/keys/mint-attempt.server.ts',
    language: 'sql',
    operator: 'dropped condition',
    from: 'and gate.paused_at is null',
    to: '',
  },
  {
    what: 'the sweep acts beside a staff action',
    file: 'app/domain/keys/apply.server.ts',
    language: 'sql',
    operator: 'dropped condition',
    from: 'and revision = ${key.revision}::int and deleted_at is null',
    to: 'and deleted_at is null',
  },
  {
    what: 'condemn says yes for a saved attempt',
    file: 'app/domain/keys/attempts.server.ts',
    language: 'ts',
    operator: 'comparison',
    from: "rows[0]?.state === 'condemned'",
    to: 'rows.length > 0',
  },
  {
    what: 'an owner replaces a key that staff disabled',
    file: 'app/domain/claim/replace-key.server.ts',
    language: 'ts',
    operator: 'early return',
    from: "if (claim.disabled) return { kind: 'disabled' }",
    to: '',
  },
]

export const known = (textOf: (file: string) => string): Mutant[] =>
  lines.map(({ what, ...line }): Mutant => {
    const start = textOf(line.file).indexOf(line.from)
    if (start < 0) throw new Error(`the line of "${what}" is not in ${line.file}`)
    return { ...line, start }
  })
