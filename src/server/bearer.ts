import { sameText } from '../platform/bytes.ts'

/**
 * Whether an Authorization header carries the token. Compared over digests, so that the time it takes says nothing of
 * how much of a wrong one is right (W3, W4). Nowhere else is a token looked for: a query ends up in logs.
 */
export function carriesToken(header: string | null, token: string): boolean {
  const given = /^bearer +(\S{1,4096})$/i.exec(header ?? '')?.[1]
  return given !== undefined && sameText(given, token)
}
