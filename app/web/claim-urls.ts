/** The addresses of a workshop and of a claim in it. */
export const workshopUrl = (slug: string) => `/w/${slug}`
export const claimUrl = (slug: string) => `/w/${slug}/claim`
export const claimStatusUrl = (slug: string) => `/w/${slug}/claim/status`
export const claimViewUrl = (slug: string) => `/w/${slug}/claim/view`
export const claimRevealUrl = (slug: string) => `/w/${slug}/claim/reveal`
export const claimTestUrl = (slug: string) => `/w/${slug}/claim/test`
export const claimReplaceUrl = (slug: string) => `/w/${slug}/claim/replace`
