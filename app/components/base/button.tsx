import type { ComponentProps, MouseEvent, ReactNode } from 'react'

/** `key` is the green one, only for actions on the key itself; `danger` cannot be taken back. */
type ButtonKind = 'key' | 'ink' | 'plain' | 'quiet' | 'danger'
type Look = { kind?: ButtonKind; large?: boolean }

/** While `busy` it stays focusable, shows `busyText`, and ignores clicks. */
export function Button({
  kind = 'plain',
  large,
  busy = false,
  busyText,
  children,
  onClick,
  className = '',
  type = 'button',
  ...rest
}: Look & { busy?: boolean; busyText?: string } & ComponentProps<'button'>) {
  function refuseWhileBusy(event: MouseEvent<HTMLButtonElement>) {
    if (busy) event.preventDefault()
    else onClick?.(event)
  }
  return (
    <button
      {...rest}
      type={type}
      className={`button ${className}`}
      data-kind={kind}
      data-size={large ? 'large' : undefined}
      aria-disabled={busy || undefined}
      onClick={refuseWhileBusy}
    >
      {busy && busyText ? busyText : children}
    </button>
  )
}

/** A link that looks like a button. A full page load: the claim page has no router. */
export function ButtonLink({
  kind = 'plain',
  large,
  to,
  children,
  className = '',
}: Look & { to: string; children: ReactNode; className?: string }) {
  return (
    <a
      href={to}
      className={`button ${className}`}
      data-kind={kind}
      data-size={large ? 'large' : undefined}
    >
      {children}
    </a>
  )
}
