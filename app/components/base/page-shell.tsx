import type { ReactNode } from 'react'
import { ChevronIcon } from './icons'

/**
 * One page: a link back, a headline without a full stop, and the rest in a column of at most 68
 * characters. `steady` keeps space for a longer headline on the smallest phones.
 */
export function PageShell({
  title,
  lead,
  back,
  wide = false,
  steady = false,
  dense = false,
  children,
}: {
  title: string
  lead?: ReactNode
  back?: { to: string; label: string }
  wide?: boolean
  steady?: boolean
  /** For pages of staff: a headline may be a whole sentence, and what follows stands near. */
  dense?: boolean
  children?: ReactNode
}) {
  return (
    <main
      id="main"
      tabIndex={-1}
      className={[
        'mx-auto w-full px-5 pb-24 outline-none',
        dense ? 'pt-4' : 'pt-6 sm:pt-10',
        wide ? 'max-w-wide' : 'max-w-read',
      ].join(' ')}
    >
      {back ? (
        <a
          href={back.to}
          className={
            'no-print -ml-1 inline-flex min-h-11 items-center gap-1 text-soft hover:text-ink' +
            (dense ? '' : ' mb-4')
          }
        >
          <span className="shrink-0 rotate-180">
            <ChevronIcon size={18} />
          </span>
          <span className="min-w-0 [overflow-wrap:anywhere] prose-link">{back.label}</span>
        </a>
      ) : null}
      <h1
        className={`${dense && title.length > 36 ? 'text-head' : 'text-title'} ${
          steady ? 'max-[22.5rem]:min-h-[2lh]' : ''
        }`}
      >
        {title}
      </h1>
      {lead ? (
        <div className={`[overflow-wrap:anywhere] text-soft ${dense ? 'mt-2' : 'mt-4 text-lead'}`}>
          {lead}
        </div>
      ) : null}
      {children}
    </main>
  )
}

/** What ends a part brings no hairline of its own: the next part begins with one. */
const noLastRule =
  '[&>:is(ul,ol,dl):last-child]:border-b-0 [&>div:last-child>details:last-child]:border-b-0 ' +
  '[&>[role=region]:last-child_tbody>tr:last-child]:border-b-0 ' +
  '[&>[role=region]:last-child_tbody>tr:last-child>*]:border-b-0'

/** A part of a page under a hairline. */
export function Section({
  title,
  children,
  id,
}: {
  title: string
  children: ReactNode
  id?: string
}) {
  return (
    <section aria-labelledby={id} className={`mt-10 border-t border-rule pt-6 ${noLastRule}`}>
      <h2 id={id} className="mb-3 text-head">
        {title}
      </h2>
      {children}
    </section>
  )
}

/** Shown in place of an empty list: what is missing, and what makes it appear. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-card border border-dashed border-edge px-6 py-10">
      <p className="font-head text-lead font-semibold">{title}</p>
      {children ? <div className="mt-2 text-soft">{children}</div> : null}
    </div>
  )
}
