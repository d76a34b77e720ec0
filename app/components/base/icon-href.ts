/** The site's icon, for every document: a browser asks for /favicon.ico where none is named. */
export const iconHref =
  'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 -4 28 28"%3E%3Cpath fill="%23157a55" fill-rule="evenodd" d="M4 0h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4Zm1.750 8a2.250 2.250 0 0 0 0 4.500h4.500a2.250 2.250 0 0 0 0-4.500h-4.500Z"/%3E%3C/svg%3E'
