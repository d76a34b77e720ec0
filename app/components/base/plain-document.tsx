import type { ReactNode } from 'react'

/** A document without any script, for pages that hold a key. */
export function PlainDocument({
  title,
  stylesheet,
  children,
}: {
  title: string
  stylesheet: string
  children: ReactNode
}) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="referrer" content="no-referrer" />
        <title>{title}</title>
        <link rel="stylesheet" href={stylesheet} />
      </head>
      <body>{children}</body>
    </html>
  )
}
