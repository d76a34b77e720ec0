/** Characters that the name of a service account may have. */
export const maxNameLength = 60
