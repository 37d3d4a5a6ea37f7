import { alnum, dash, dot, runEnd, runStart } from './characters.ts'
import type { Found, Scan } from './finding.ts'

const nameClasses = alnum | dash | dot
const homeFolder = /(?:\/home\/|\/Users\/|[A-Za-z]:(?:\\{1,8}|\/)Users(?:\\{1,8}|\/))[A-Za-z0-9_.-]{1,64}/g

/** ING-RED-6 `redact.emails` (off unless asked for): addresses of people. */
export function findEmail({ text }: Scan, found: Found): void {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const start = runStart(text, at, nameClasses, Math.max(0, at - 64))
    const end = runEnd(text, at + 1, nameClasses, Math.min(text.length, at + 254))
    const host = text.slice(at + 1, end).replace(/[.-]+$/, '')
    if (start < at && /\.[A-Za-z]{2,24}$/.test(host)) found('email', start, at + 1 + host.length)
  }
}

/** ING-RED-6 `redact.home_paths` (off unless asked for): the home folder, which names the person. */
export function findHomePath({ text }: Scan, found: Found): void {
  homeFolder.lastIndex = 0
  for (let hit = homeFolder.exec(text); hit !== null; hit = homeFolder.exec(text)) {
    found('home-path', hit.index, homeFolder.lastIndex)
  }
}
