import type { ReactNode } from 'react'
import type { Tone } from '../../tone'
import { CheckIcon, InfoIcon, StopIcon, WarningIcon } from './icons'

/** Plain is for what is neither good nor bad. */
export type CalloutTone = Tone | 'plain'

const looks: Record<CalloutTone, { box: string; title: string; icon: () => ReactNode }> = {
  ok: { box: 'border-mint bg-mint-wash', title: 'text-mint-ink', icon: () => <CheckIcon /> },
  warning: {
    box: 'border-amber bg-amber-wash',
    title: 'text-amber-ink',
    icon: () => <WarningIcon />,
  },
  error: { box: 'border-brick bg-brick-wash', title: 'text-brick-ink', icon: () => <StopIcon /> },
  plain: { box: 'border-rule bg-raised', title: 'text-ink', icon: () => <InfoIcon /> },
}

/** Something the reader should not miss: a shape, a title and what to do. Never colour alone. */
export function Callout({
  tone,
  title,
  children,
}: {
  tone: CalloutTone
  title: string
  children?: ReactNode
}) {
  const look = looks[tone]
  return (
    <div className={`rounded-box border p-4 ${look.box}`}>
      <p className={`flex items-start gap-2 font-semibold ${look.title}`}>
        <span className="mt-[3px]">{look.icon()}</span>
        {title}
      </p>
      {children ? <div className="mt-1 space-y-2 pl-7">{children}</div> : null}
    </div>
  )
}
