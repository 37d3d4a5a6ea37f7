import { base64, classOf, digit, isWordEnd, isWordStart, runEnd, runStart, word } from './characters.ts'
import type { Found, Scan } from './finding.ts'
import { hasVariety } from './likeness.ts'

const telegramIdMin = 8
const telegramIdMax = 10
const telegramKey = 35
const sendGridParts = [22, 43] as const

const azureName = /(?:AccountKey|SharedAccessKey)=/g
const azureKeyMin = 20

/**
 * ING-RED-2/chat, pay and cloud: keys known by the lengths of their parts (Telegram `12345678:…`, SendGrid `SG.….…`) and the
 * keys of Azure's connection strings.
 */
export function findShaped({ text, runs }: Scan, found: Found): void {
  if (runs.length > 0) findAzure(text, found)
  for (const run of runs) {
    if (text.charCodeAt(run.start - 1) === 58) findTelegram(text, run.start, found)
    const stretch = text.slice(run.start, run.end)
    for (let mark = stretch.indexOf('SG.'); mark !== -1; mark = stretch.indexOf('SG.', mark + 3)) {
      findSendGrid(text, run.start + mark, found)
    }
  }
}

/** The value alone: what stands before it names the account. */
function findAzure(text: string, found: Found): void {
  azureName.lastIndex = 0
  while (azureName.test(text)) {
    const start = azureName.lastIndex
    const end = runEnd(text, start, base64)
    if (end - start < azureKeyMin || !hasVariety(text, start, end, 5)) continue
    found('cloud', start, end)
    azureName.lastIndex = end
  }
}

function findTelegram(text: string, keyStart: number, found: Found): void {
  const keyEnd = runEnd(text, keyStart, word, keyStart + telegramKey + 1)
  if (keyEnd - keyStart !== telegramKey) return
  const start = runStart(text, keyStart - 1, digit, Math.max(0, keyStart - 2 - telegramIdMax))
  const length = keyStart - 1 - start
  if (length < telegramIdMin || length > telegramIdMax || !isWordStart(text, start)) return
  found('chat', start, keyEnd)
}

function findSendGrid(text: string, start: number, found: Found): void {
  const first = start + 3
  const second = first + sendGridParts[0] + 1
  const end = second + sendGridParts[1]
  if (!isWordStart(text, start) || runEnd(text, first, word, second) !== second - 1) return
  if (text.charCodeAt(second - 1) !== 46 || runEnd(text, second, word, end) !== end) return
  if (isWordEnd(text, end) || (classOf(text.charCodeAt(end)) & word) === 0) found('pay', start, end)
}
