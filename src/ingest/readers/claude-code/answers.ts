import { isObject } from '../record.ts'

const pair = /"([^"]{1,2000})"="([^"]{0,2000})"/g
const pairsMax = 32

/** What the person answered, by question: the structured result, else the `"Q"="A"` text (X-ASK). Null when neither is there. */
export function answersOf(toolUseResult: unknown, text: string): Readonly<Record<string, string>> | null {
  const given = isObject(toolUseResult) && isObject(toolUseResult.answers) ? Object.entries(toolUseResult.answers) : []
  const structured = given.flatMap(([question, answer]): [string, string][] => {
    const value = Array.isArray(answer) ? answer.filter((each) => typeof each === 'string').join(', ') : answer
    return typeof value === 'string' ? [[question, value]] : []
  })
  const pairs = structured.length > 0 ? structured : pairsIn(text)
  return pairs.length === 0 ? null : Object.fromEntries(pairs.slice(0, pairsMax))
}

function pairsIn(text: string): [string, string][] {
  return [...text.slice(0, 20_000).matchAll(pair)].map((match) => [match[1] ?? '', match[2] ?? ''])
}
