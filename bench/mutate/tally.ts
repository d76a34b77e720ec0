/** How many mutants died, by operator and by place. */
import type { Mutant } from './mutant'

export type Fate = 'killed' | 'survived' | 'equivalent' | 'unreadable'

export class Tally {
  private readonly rows = new Map<string, Record<Fate, number>>()
  counted = 0
  survived = 0

  /** The word that a line begins with. */
  add(mutant: Pick<Mutant, 'file' | 'language' | 'operator'>, fate: Fate): string {
    for (const name of [`${mutant.language}, ${mutant.operator}`, roomOf(mutant.file), 'all']) {
      const row = this.rows.get(name) ?? { killed: 0, survived: 0, equivalent: 0, unreadable: 0 }
      row[fate]++
      this.rows.set(name, row)
    }
    if (fate === 'killed' || fate === 'survived') this.counted++
    if (fate === 'survived') this.survived++
    return fate === 'survived' ? 'SURVIVED  ' : fate.padEnd(10)
  }

  text(): string {
    const lines = [...this.rows].map(([name, row]) => {
      const counted = row.killed + row.survived
      const share = counted === 0 ? '' : `${((100 * row.killed) / counted).toFixed(1)} %`
      const rest = `${row.equivalent} equivalent, ${row.unreadable} not readable`
      return `${name.padEnd(34)}${share.padStart(8)} of ${counted} killed, ${rest}`
    })
    return `\n${lines.toSorted().join('\n')}\n`
  }
}

const roomOf = (file: string) => file.split('/').slice(0, -1).join('/')
