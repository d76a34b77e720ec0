import type { ReactNode } from 'react'
import { iconHref } from './icon-href'
import { MintMark } from './icons'

/** A document without any script, for pages that hold a key. */
export function PlainDocument({
  title,
  stylesheet,
  referrer = 'no-referrer',
  children,
}: {
  title: string
  stylesheet: string
  /** A page with a form needs `same-origin`: without it, browsers post with a null origin. */
  referrer?: 'no-referrer' | 'same-origin'
  children: ReactNode
}) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="referrer" content={referrer} />
        <title>{title}</title>
        <link rel="stylesheet" href={stylesheet} />
        <link rel="icon" href={iconHref} />
      </head>
      <body>
        <header className="no-print border-b border-rule">
          <div className="mx-auto flex min-h-16 max-w-wide items-center px-5">
            <a
              href="/"
              className="inline-flex min-h-11 items-center gap-2.5 font-head text-lead font-bold tracking-tight"
            >
              <span className="text-mint-ink">
                <MintMark />
              </span>
              Keymint
            </a>
          </div>
        </header>
        {children}
      </body>
    </html>
  )
}
