/** The look of a link in a row of tabs; the present one is underlined. */
export const tabLink =
  'inline-flex min-h-11 items-center gap-1.5 border-b-2 border-transparent px-2 whitespace-nowrap ' +
  'text-soft hover:text-ink aria-[current=page]:border-ink aria-[current=page]:font-semibold ' +
  'aria-[current=page]:text-ink'

/** The look of a link in a row of choices; the chosen one is bold. */
export const choiceLink =
  'inline-flex min-h-11 items-center px-2 text-soft underline underline-offset-4 ' +
  'aria-[current=true]:font-semibold aria-[current=true]:text-ink aria-[current=true]:no-underline'
