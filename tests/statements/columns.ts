/**
 * The columns that Postgres answers, against the row type that the code takes them for: names
 * exactly, types where there is no doubt how Prisma hands them over.
 */
import ts from 'typescript'
import type { Column } from './describe'
import type { Source } from './program'

export type PgTypes = Map<number, { name: string; element: number | null; isEnum: boolean }>
type Kind =
  'text' | 'number' | 'bigint' | 'boolean' | 'Date' | 'Decimal' | 'bytes' | 'list' | 'json'

/** What is wrong, a sentence for each column. */
export function compareColumns(
  source: Source,
  row: ts.TypeNode,
  columns: Column[],
  types: PgTypes,
): string[] {
  const { checker } = source
  const list = checker.getTypeFromTypeNode(row)
  if (list.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return []
  const element = checker.getIndexTypeOfType(list, ts.IndexKind.Number)
  if (!element) return [`${row.getText()} is no list of rows`]
  if (element.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive))
    return unread(columns, types)
  if (element.flags & ts.TypeFlags.TypeParameter)
    return [`${row.getText()} is not known here: name the row where the statement stands`]
  const rows = element.isUnion() ? element.types : [element]
  if (rows.every((each) => checker.getIndexTypeOfType(each, ts.IndexKind.String)))
    return unread(columns, types)
  const faults = duplicates(columns)
  const answered = new Set(columns.map(({ name }) => name))
  const typed = new Set<string>()
  for (const each of rows)
    for (const property of each.getProperties()) {
      typed.add(property.name)
      const isNeeded =
        !(property.flags & ts.SymbolFlags.Optional) &&
        rows.every((other) => other.getProperty(property.name))
      if (isNeeded && !answered.has(property.name))
        faults.push(`column "${property.name}" is missing: the row type has it`)
    }
  for (const { name, type } of columns) {
    if (!typed.has(name)) faults.push(`column "${name}" is in no row type`)
    else {
      const fault = compareType(source, row, rows, name, type, types)
      if (fault) faults.push(fault)
    }
  }
  return [...new Set(faults)]
}

function duplicates(columns: Column[]): string[] {
  const names = columns.map(({ name }) => name)
  return names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => `column "${name}" is answered twice`)
}

/** Even where nothing is said of the rows, Prisma has to be able to read them. */
const unread = (columns: Column[], types: PgTypes) =>
  columns.flatMap(({ name, type }) =>
    kindOf(type, types)
      ? []
      : [`column "${name}" is ${nameOf(type, types)}, which Prisma cannot read`],
  )

const nameOf = (type: number, types: PgTypes) => types.get(type)?.name ?? `type ${type}`

function compareType(
  source: Source,
  row: ts.TypeNode,
  rows: readonly ts.Type[],
  name: string,
  type: number,
  types: PgTypes,
): string | undefined {
  const { checker } = source
  const kind = kindOf(type, types)
  if (!kind) return `column "${name}" is ${nameOf(type, types)}, which Prisma cannot read`
  const typed = rows.flatMap((each) => {
    const property = each.getProperty(name)
    return property ? [checker.getTypeOfSymbolAtLocation(property, row)] : []
  })
  const kinds = new Set(typed.flatMap((each) => typedAs(checker, each)))
  if (kinds.size === 0 || kind === 'json' || fits(kind, kinds)) {
    if (kind !== 'list') return undefined
    const element = types.get(type)?.element
    const elementKind = element === null || element === undefined ? null : kindOf(element, types)
    const items = new Set(
      typed.flatMap((each) => listItems(checker, each)).flatMap((each) => typedAs(checker, each)),
    )
    if (!elementKind || items.size === 0 || elementKind === 'json' || fits(elementKind, items))
      return undefined
  }
  const said = typed.map((each) => checker.typeToString(each)).join(' | ')
  return `column "${name}" is ${nameOf(type, types)}, which Prisma reads as ${kind}; the row type says ${said}`
}

/** A row type that says several things leaves it open. */
const fits = (kind: Kind, kinds: Set<Kind>) => kinds.has(kind)

/** How Prisma hands a column over. Null for a type that its adapter refuses. */
function kindOf(type: number, types: PgTypes): Kind | null {
  const known = types.get(type)
  if (!known) return null
  if (known.element !== null) return kindOf(known.element, types) ? 'list' : null
  if (known.isEnum) return 'text'
  return kinds[known.name] ?? null
}

const kinds: Record<string, Kind> = {
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  name: 'text',
  uuid: 'text',
  inet: 'text',
  cidr: 'text',
  xml: 'text',
  bit: 'text',
  varbit: 'text',
  int2: 'number',
  int4: 'number',
  float4: 'number',
  float8: 'number',
  int8: 'bigint',
  oid: 'bigint',
  bool: 'boolean',
  date: 'Date',
  time: 'Date',
  timetz: 'Date',
  timestamp: 'Date',
  timestamptz: 'Date',
  numeric: 'Decimal',
  money: 'Decimal',
  bytea: 'bytes',
  json: 'json',
  jsonb: 'json',
}

/** What a type of the code stands for; nothing where it says nothing. */
function typedAs(checker: ts.TypeChecker, type: ts.Type): Kind[] {
  if (type.isUnion()) return [...new Set(type.types.flatMap((part) => typedAs(checker, part)))]
  const { flags } = type
  if (
    flags &
    (ts.TypeFlags.Null | ts.TypeFlags.Undefined | ts.TypeFlags.Any | ts.TypeFlags.Unknown)
  )
    return []
  if (flags & ts.TypeFlags.StringLike) return ['text']
  if (flags & ts.TypeFlags.NumberLike) return ['number']
  if (flags & ts.TypeFlags.BigIntLike) return ['bigint']
  if (flags & ts.TypeFlags.BooleanLike) return ['boolean']
  // A string with a brand is an intersection.
  if (type.isIntersection() && type.types.some((part) => part.flags & ts.TypeFlags.StringLike))
    return ['text']
  if (checker.isArrayLikeType(type)) return ['list']
  const name = type.getSymbol()?.name
  if (name === 'Date' || name === 'Decimal') return [name]
  if (name === 'Uint8Array' || name === 'Buffer') return ['bytes']
  return ['json']
}

const listItems = (checker: ts.TypeChecker, type: ts.Type): ts.Type[] =>
  (type.isUnion() ? type.types : [type]).flatMap((part) => {
    const item = checker.isArrayLikeType(part)
      ? checker.getIndexTypeOfType(part, ts.IndexKind.Number)
      : undefined
    return item ? [item] : []
  })
