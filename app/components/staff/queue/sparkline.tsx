/** A queue's last hour as the server has drawn it; the sentence beside it says the same. */
export type SparklineView = {
  width: number
  height: number
  done: string
  failed: string
  waiting: string
  sentence: string
}

export function Sparkline({ view }: { view: SparklineView }) {
  const { width, height } = view
  return (
    <div>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        className="block max-w-full"
        role="img"
        aria-label={view.sentence}
      >
        <path d={`M0 ${height - 0.5}H${width}`} className="stroke-edge" />
        <path d={view.done} className="fill-ink" />
        <path d={view.failed} className="fill-brick-ink" />
        <path
          d={view.waiting}
          className="fill-none stroke-amber-ink [stroke-width:1.5] [stroke-dasharray:4_3]"
        />
      </svg>
      <p className="mt-1 text-small text-soft" aria-hidden="true">
        {view.sentence}
      </p>
    </div>
  )
}

const marks = [
  { name: 'done', mark: <path d="M2 2h6v10H2z" className="fill-ink" /> },
  { name: 'failed', mark: <path d="M5 2l5 10H0z" className="fill-brick-ink" /> },
  {
    name: 'waiting',
    mark: (
      <path
        d="M0 7h16"
        className="fill-none stroke-amber-ink [stroke-width:1.5] [stroke-dasharray:4_3]"
      />
    ),
  },
]

export function SparklineLegend() {
  return (
    <ul className="flex flex-wrap gap-x-5 text-small text-soft">
      {marks.map(({ name, mark }) => (
        <li key={name} className="inline-flex items-center gap-2">
          <svg width="16" height="14" viewBox="0 0 16 14" aria-hidden="true">
            {mark}
          </svg>
          {name}
        </li>
      ))}
      <li>The last 60 minutes, by the minute. Each queue has a scale of its own.</li>
    </ul>
  )
}
