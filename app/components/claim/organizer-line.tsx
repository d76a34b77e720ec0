import type { WorkshopView } from '~/domain/workshop/view-types'

/** How to reach the organiser, with the reference to give them. */
export function OrganizerLine({
  organizer,
  subject,
  reference,
}: {
  organizer: WorkshopView['organizer']
  subject: string
  reference?: string
}) {
  if (!organizer?.email && !organizer?.url && !organizer?.name)
    return reference ? (
      <p>
        If you ask the organiser, give the reference <Reference code={reference} />.
      </p>
    ) : null
  const name = organizer.name ?? 'the organiser'
  const mail = organizer.email
    ? `mailto:${organizer.email}?subject=${encodeURIComponent(reference ? `${subject} (${reference})` : subject)}`
    : null
  const href = mail ?? organizer.url
  return (
    <p>
      Organiser:{' '}
      {href ? (
        <a className="prose-link" href={href}>
          {name}
        </a>
      ) : (
        name
      )}
      {reference ? (
        <>
          . Reference: <Reference code={reference} />
        </>
      ) : null}
    </p>
  )
}

export function Reference({ code }: { code: string }) {
  return <code className="font-mono font-semibold tracking-wide">{code}</code>
}
