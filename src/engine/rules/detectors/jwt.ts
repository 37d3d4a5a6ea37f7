import { dot, runEnd, word } from './characters.ts'
import type { Found, Scan } from './finding.ts'

/** ING-RED-2/jwt: `eyJ` + at least 10 characters, `.eyJ…`, `.` and a signature that may be empty. */
export function findJwt({ text }: Scan, found: Found): void {
  // A dot is rarer than an `e`, and without a body there is no token.
  if (!text.includes('.eyJ')) return
  for (let at = text.indexOf('eyJ'); at !== -1;) {
    const headEnd = runEnd(text, at + 3, word)
    const end = headEnd - at >= 13 && text.startsWith('.eyJ', headEnd) ? bodyEnd(text, headEnd) : headEnd
    if (end > headEnd) found('jwt', at, end)
    // Another `eyJ` before headEnd would be followed by the same characters and fail the same way.
    at = text.indexOf('eyJ', Math.max(end, at + 3))
  }
}

/** The end of `.eyJ….…`, five parts for an encrypted token; `headEnd` when the second dot is missing. */
function bodyEnd(text: string, headEnd: number): number {
  const end = runEnd(text, headEnd + 4, word)
  if (text.charCodeAt(end) !== 46) return headEnd
  const last = runEnd(text, end + 1, word | dot)
  return text.charCodeAt(last - 1) === 46 && last - 1 > end ? last - 1 : last
}
