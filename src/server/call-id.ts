/** The caller's own name for its request, when it is a plain one (COL-407). */
export const ownRequestId = (given: string | undefined): string | null =>
  given !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : null
