import type { Found, Scan } from './finding.ts'
import { isNotSecret } from './not-secret.ts'
import { createBareEnd, quotedAt } from './quoted.ts'

/** Programs whose short options carry a password. Options are looked for on the same line, this far. */
const program = /\b(?:mysql(?:dump|admin|import|show)?|mariadb(?:-dump)?|curl|wget|sshpass|docker login|redis-cli)\b/g
const optionsMax = 300
/** How each of the options begins. Few texts have one, and looking for the programs costs more. */
const anyOption = /[ \t]-/
const passwordOption: Readonly<Record<string, RegExp>> = {
  mysql: /\s-p(?=[^\s-])/y,
  mariadb: /\s-p(?=[^\s-])/y,
  sshpass: /\s-p ?(?=[^\s-])/y,
  docker: /\s-p (?=[^\s-])/y,
  'redis-cli': /\s-a (?=[^\s-])/y,
  curl: /\s(?:-u|--user|--proxy-user)[ =]?\\?["']?[^\s:"'\\]{1,64}:(?=[^\s"'\\/])/y,
  wget: /\s--(?:http-|ftp-)?password=(?=\S)/y,
}

/** ING-RED-2/assignment on command lines: `mysql -pVALUE`, `curl -u name:VALUE` and the like. */
export function findOnCommandLine({ text }: Scan, found: Found): void {
  if (!text.includes('-') || !anyOption.test(text)) return
  const bareEnd = createBareEnd(text, ';|&<>')
  program.lastIndex = 0
  for (let hit = program.exec(text); hit !== null; hit = program.exec(text)) {
    const option = passwordOption[hit[0]] ?? passwordOption[/^(?:mysql|mariadb|docker)/.exec(hit[0])?.[0] ?? '']
    const start = option === undefined ? undefined : optionValue(text, program.lastIndex, option)
    if (start === undefined) continue
    const value = quotedAt(text, start) ?? { start, end: bareEnd(start) }
    if (value.end - value.start < 4 || isNotSecret(text.slice(value.start, Math.min(value.end, value.start + 200))))
      continue
    found('assignment', value.start, value.end)
    program.lastIndex = value.end
  }
}

function optionValue(text: string, from: number, option: RegExp): number | undefined {
  const limit = Math.min(text.length, from + optionsMax)
  for (let at = from; at < limit; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 10 || unit === 59 || unit === 124) return undefined
    if (unit !== 32 && unit !== 9) continue
    option.lastIndex = at
    if (option.test(text)) return option.lastIndex
  }
  return undefined
}
