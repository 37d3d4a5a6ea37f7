/** Who writes (CHK-403, CHK-904): the first of these that is not empty. */
export const usernameOf = (environment: Readonly<Record<string, string | undefined>>, host: string): string =>
  [environment['USER'], environment['USERNAME'], host].find((name) => name !== undefined && name !== '') ?? 'unknown'
