import type { ReactNode } from 'react'
import type { JobPage } from '~/domain/staff/queue/types'
import { Time } from '../../base/time'
import { reasonMessage, stateInk, stateLabels, subjectLabel } from './job-messages'
import { adminWorkshopUrl, claimsUrl, jobUrl } from '../../../urls'

/** What a job is and its state. The payload holds only ids. */
export function JobFacts({ job, asOf }: { job: JobPage['job']; asOf: string }) {
  return (
    <dl className="mt-6 grid gap-x-8 gap-y-4 border-t border-rule pt-6 text-small sm:grid-cols-2 lg:grid-cols-4">
      <Fact name="State">
        <span className={`font-semibold ${stateInk[job.state]}`}>{stateLabels[job.state]}</span>
        {job.stuck ? ', no heartbeat: its worker may be gone' : ''}
        {job.reason ? `: ${reasonMessage(job.reason)}` : ''}
      </Fact>
      {job.runsAt ? (
        <Fact name="Next run">
          <Time iso={job.runsAt} now={asOf} />
        </Fact>
      ) : null}
      <Fact name="Created">
        <Time iso={job.createdAt} now={asOf} />
      </Fact>
      {job.endedAt ? (
        <Fact name="Ended">
          <Time iso={job.endedAt} now={asOf} />
        </Fact>
      ) : null}
      {job.claim ? (
        <Fact name="Claim">
          <a className="prose-link" href={claimsUrl(job.claim.workshop, job.claim.id)}>
            {subjectLabel(job)}, No. {job.claim.id.slice(0, 8).toUpperCase()}
          </a>
        </Fact>
      ) : null}
      {job.workshop ? (
        <Fact name="Workshop">
          <a className="prose-link" href={adminWorkshopUrl(job.workshop)}>
            {job.workshop}
          </a>
        </Fact>
      ) : null}
      {job.source ? (
        <Fact name="Came from">
          {job.source.name}
          {job.source.id ? (
            <>
              ,{' '}
              <a className="prose-link" href={jobUrl(job.source.id)}>
                the job that failed
              </a>
            </>
          ) : null}
        </Fact>
      ) : null}
      <Fact name="Job">
        <span className="font-mono">{job.name}</span>
      </Fact>
      <Fact name="Id">
        <span className="font-mono break-all">{job.id}</span>
      </Fact>
      {job.payload.map(([key, value]) => (
        <Fact key={key} name={`Payload: ${key}`}>
          <span className="font-mono break-all">{value}</span>
        </Fact>
      ))}
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-soft">{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
