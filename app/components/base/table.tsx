import type { ReactNode } from 'react'

type PerRow<Row> = string | ((row: Row) => string | undefined)

export type Column<Row> = {
  head: ReactNode
  cell: (row: Row) => ReactNode
  /** Numbers and amounts: head and cells at the right. */
  right?: boolean
  /** Where a stacked table shows no heads, the cell begins with its own. */
  named?: boolean
  /** The cell names its row. */
  header?: boolean
  className?: PerRow<Row>
  headClassName?: string
  /** Shown when the cell is pointed at, for text that is cut off. */
  title?: (row: Row) => string | undefined
}

export type TableProps<Row> = {
  /** Names the region, which scrolls by keyboard when the table is wider than the page. */
  label: string
  /** A falsy column is left out. */
  columns: (Column<Row> | null)[]
  rows: Row[]
  rowKey: (row: Row, index: number) => string | number
  id?: string
  className?: string
  frameClassName?: string
  /** On a phone each row is a block of its own instead of a line that scrolls. */
  stacked?: boolean
  rowClassName?: string
  /** Marks rows for the keyboard: see use-row-keys.ts. */
  keyboard?: boolean
}

const stackedCell = 'max-sm:block max-sm:!h-auto max-sm:!border-0 max-sm:!p-0'

/** The one table: a header row, and cells that each column makes from its row. */
export function Table<Row>(props: TableProps<Row>) {
  const { label, rows, rowKey, id, stacked = false, keyboard = false } = props
  const columns = props.columns.filter((column) => column !== null)
  return (
    <div
      className={join('relative overflow-auto', props.frameClassName)}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <table id={id} className={join('ledger', stacked && 'max-sm:block', props.className)}>
        <thead className={stacked ? 'max-sm:sr-only' : undefined}>
          <tr>
            {columns.map((column, index) => (
              <th
                key={index}
                scope="col"
                className={join(column.right && '!text-right', column.headClassName)}
              >
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className={stacked ? 'max-sm:block' : undefined}>
          {rows.map((row, index) => (
            <tr
              key={rowKey(row, index)}
              data-row={keyboard ? true : undefined}
              className={join(
                stacked && 'max-sm:block max-sm:border-b max-sm:border-rule max-sm:py-4',
                props.rowClassName,
              )}
            >
              {columns.map((column, place) => (
                <Cell key={place} column={column} row={row} stacked={stacked} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Cell<Row>({ column, row, stacked }: { column: Column<Row>; row: Row; stacked: boolean }) {
  const { className, right, title } = column
  const classes = join(
    stacked && stackedCell,
    right && (stacked ? 'sm:text-right' : 'text-right'),
    typeof className === 'function' ? className(row) : className,
  )
  const content = column.cell(row)
  return column.header ? (
    <th
      scope="row"
      className={join('!static !border-rule', stacked && 'max-sm:!whitespace-normal', classes)}
      title={title?.(row)}
    >
      {content}
    </th>
  ) : (
    <td className={classes} title={title?.(row)}>
      {stacked && column.named && content !== null && content !== '' ? (
        <span className="text-soft sm:hidden">{column.head}: </span>
      ) : null}
      {content}
    </td>
  )
}

const join = (...parts: (string | false | undefined)[]) =>
  parts.filter(Boolean).join(' ') || undefined
