/** When a schedule fires next. Pure; knows the two shapes of cron that the catalog uses. */
import { invariant } from '@epic-web/invariant'

const minuteMs = 60_000

/** The first minute after `after`, in UTC, that "m h * * *" names; each of the two may be "*". */
export function nextRun(cron: string, after: Date): Date {
  const [minute, hour, ...rest] = cron.split(' ').map((field) => wanted(field))
  invariant(
    minute !== undefined && hour !== undefined && rest.length === 3 && rest.every((one) => one < 0),
    `the schedule ${cron} is not one that this page can read`,
  )
  const first = (Math.floor(after.getTime() / minuteMs) + 1) * minuteMs
  for (let at = first; at < first + 25 * 60 * minuteMs; at += minuteMs) {
    const moment = new Date(at)
    const isMinute = minute < 0 || moment.getUTCMinutes() === minute
    if (isMinute && (hour < 0 || moment.getUTCHours() === hour)) return moment
  }
  throw new Error(`the schedule ${cron} never fires`)
}

const any = -1
const wanted = (field: string) => (field === '*' ? any : Number(field))
