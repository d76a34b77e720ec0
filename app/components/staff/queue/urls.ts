/** The addresses that the pages of the queue link to. */
export const queueUrl = '/admin/queue'
export const jobUrl = (jobId: string) => `/admin/queue/${jobId}`
export const claimsUrl = (workshop: string, claimId: string) =>
  `/admin/w/${workshop}?text=${claimId}`
export const queueExportUrl = (search: string, format: 'csv' | 'json') =>
  `/admin/queue/export${search}${search ? '&' : '?'}format=${format}`
