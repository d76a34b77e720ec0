/** Every icon there is. Decoration: the text beside it says the same. */
import type { ReactNode } from 'react'

function Icon({ children, size = 20 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className="shrink-0"
    >
      {children}
    </svg>
  )
}

export function CheckIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <path d="m4.5 10.5 3.5 3.5 7.5-8" />
    </Icon>
  )
}
export function CopyIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <rect x="7" y="7" width="9.5" height="9.5" rx="1.5" />
      <path d="M13 4.5v-.2a.8.8 0 0 0-.8-.8H4.3a.8.8 0 0 0-.8.8v7.9c0 .4.4.8.8.8h.2" />
    </Icon>
  )
}
export function WarningIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <path d="M10 3.5 17 16H3L10 3.5ZM10 8.5v3.25M10 13.9v.1" />
    </Icon>
  )
}
export function StopIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <circle cx="10" cy="10" r="7" />
      <path d="m7.5 7.5 5 5m0-5-5 5" />
    </Icon>
  )
}
export function InfoIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <circle cx="10" cy="10" r="7" />
      <path d="M10 9.5v4M10 6.6v.1" />
    </Icon>
  )
}
export function ChevronIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <path d="m7.5 4.5 5.5 5.5-5.5 5.5" />
    </Icon>
  )
}
export function EyeIcon({ size }: { size?: number }) {
  return (
    <Icon size={size}>
      <path d="M2.5 10S5 4.75 10 4.75 17.500 10 17.500 10 15 15.250 10 15.250 2.500 10 2.500 10Z" />
      <circle cx="10" cy="10" r="2.25" />
    </Icon>
  )
}

/** The mark: a card with its hole punched. */
export function MintMark() {
  return (
    <svg
      width="28"
      height="20"
      viewBox="0 0 28 20"
      aria-hidden="true"
      focusable="false"
      className="shrink-0"
    >
      <path
        fill="currentColor"
        fillRule="evenodd"
        d={[
          'M4 0h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4Z',
          'm1.750 8a2.250 2.250 0 0 0 0 4.500h4.500a2.250 2.250 0 0 0 0-4.500h-4.500Z',
        ].join('')}
      />
    </svg>
  )
}
