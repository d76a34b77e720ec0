import { useId } from 'react'
import { isBars, type ChartLine, type ChartView } from './chart-view'
import { choiceLink } from './nav-classes'
import { Table } from './table'

const looks: Record<ChartLine['look'], string> = {
  line: 'fill-none stroke-ink [stroke-width:2]',
  dashes: 'fill-none stroke-amber-ink [stroke-width:2] [stroke-dasharray:5_4]',
  dots: 'fill-none stroke-brick-ink [stroke-width:3] [stroke-dasharray:0.1_5]',
  bars: 'fill-ink',
  'bars-2': 'fill-mint',
  'bars-3': 'fill-amber-wash stroke-amber-ink [stroke-width:1]',
  'bars-4': 'fill-brick-ink',
  'bars-5': 'fill-mint-wash stroke-mint-ink [stroke-width:1]',
  'bars-6': 'fill-rule stroke-edge [stroke-width:0.5]',
  area: 'fill-mint-wash stroke-mint-ink [stroke-width:1.5]',
}

/** A picture, with its meaning in a sentence above and its data in a table behind. */
export function Chart({ chart }: { chart: ChartView }) {
  const id = useId()
  const { width, height, left } = chart
  const floor = height - 24
  return (
    <figure className="min-w-0" aria-labelledby={`${id}-title`}>
      <figcaption>
        <h3 id={`${id}-title`} className="font-head font-semibold">
          {chart.title}
        </h3>
        <p className="mt-1 min-h-15 text-small text-soft">{chart.sentence}</p>
      </figcaption>
      {chart.empty ? null : (
        <>
          <svg
            viewBox={`0 0 ${width} ${height}`}
            className="mt-2 block h-auto w-full max-w-[30rem]"
            role="img"
            aria-label={chart.sentence}
          >
            {chart.yTicks.map(({ y, label }) => (
              <g key={y}>
                <line x1={left} x2={width - 10} y1={y} y2={y} className="stroke-rule" />
                <text x={left - 6} y={y + 4} textAnchor="end" className="fill-soft text-[11px]">
                  {label}
                </text>
              </g>
            ))}
            {chart.lines.map((line) => (
              <path
                key={line.name}
                d={line.path}
                className={`[stroke-linecap:round] ${looks[line.look]}`}
              />
            ))}
            <line x1={left} x2={width - 10} y1={floor} y2={floor} className="stroke-edge" />
            {chart.xTicks.map(({ x, label, anchor }) => (
              <text
                key={x}
                x={x}
                y={height - 8}
                textAnchor={anchor}
                className="fill-soft text-[11px]"
              >
                {label}
              </text>
            ))}
          </svg>
          {chart.lines.length > 1 ? (
            <ul className="flex flex-wrap gap-x-5 text-small text-soft">
              {chart.lines.map((line) => (
                <li key={line.name} className="inline-flex items-center gap-2">
                  <svg width="24" height="6" viewBox="0 0 24 6" aria-hidden="true">
                    <path
                      d={isBars(line.look) || line.look === 'area' ? 'M0 0H24V6H0Z' : 'M1 3H23'}
                      className={`[stroke-linecap:round] ${looks[line.look]}`}
                    />
                  </svg>
                  {line.name}
                </li>
              ))}
            </ul>
          ) : null}
          <details className="mt-1">
            <summary className="inline-flex min-h-11 items-center text-small">
              <span className="prose-link">View data</span>
            </summary>
            <Table
              label={`${chart.title}: data`}
              frameClassName="max-h-72"
              rows={chart.table.rows}
              rowKey={(row) => row[0] ?? ''}
              columns={chart.table.head.map((head, column) => ({
                head,
                right: column > 0,
                cell: (row: string[]) => row[column],
              }))}
            />
          </details>
        </>
      )}
    </figure>
  )
}

/** The three charts side by side, and the spans they can show. */
export function ChartRow({
  charts,
  spans,
  headingId,
}: {
  charts: ChartView[]
  spans: { name: string; label: string; href: string; current: boolean }[]
  headingId: string
}) {
  return (
    <section aria-labelledby={headingId} className="mt-10 border-t border-rule pt-6">
      <div className="flex flex-wrap items-baseline justify-between gap-x-6">
        <h2 id={headingId} className="text-head">
          Activity
        </h2>
        <nav aria-label="Span of the charts" className="flex gap-1">
          {spans.map(({ name, label, href, current }) => (
            <a
              key={name}
              href={href}
              aria-current={current ? 'true' : undefined}
              className={choiceLink}
            >
              {label}
            </a>
          ))}
        </nav>
      </div>
      <div className="mt-2 grid gap-x-8 gap-y-8 md:grid-cols-2 lg:grid-cols-3">
        {charts.map((chart) => (
          <Chart key={chart.title} chart={chart} />
        ))}
      </div>
    </section>
  )
}
