import { describe, expect, it } from 'vitest'
import type { Sample } from './redact-samples.ts'
import { falseSamples, trueSamples } from './redact-samples.ts'
import { createRedactor } from './redact.ts'

const seeds = [1, 2, 3, 4, 5]
const { redact } = createRedactor()

/** Whether a recognisable part of the secret still stands in the text. */
function isLeft(text: string, secret: string): boolean {
  for (let at = 0; at + 8 <= secret.length; at += 4) if (text.includes(secret.slice(at, at + 8))) return true
  return text.includes(secret)
}

type Count = { masked: number; missed: string[]; wrong: string[] }

function judge({ name, text, secrets }: Sample, count: Count): void {
  const { text: masked, findings } = redact(text)
  for (const secret of secrets) {
    if (isLeft(masked, secret)) count.missed.push(`${name}: ${text}`)
    else count.masked++
  }
  for (const { kind, start, end } of findings) {
    const value = text.slice(start, end)
    const isSecret = secrets.some((secret) => value.includes(secret.slice(0, 6)) || secret.includes(value))
    if (!isSecret) count.wrong.push(`${kind} ${value} in ${text.slice(0, 120)}`)
  }
}

describe('the corpus', () => {
  it('ING-RED-7 precision is at least 0.97 and recall at least 0.98', () => {
    expect(trueSamples(1).length).toBeGreaterThanOrEqual(120)
    expect(falseSamples(1).length).toBeGreaterThanOrEqual(200)
    const count: Count = { masked: 0, missed: [], wrong: [] }
    for (const seed of seeds) for (const sample of [...trueSamples(seed), ...falseSamples(seed)]) judge(sample, count)
    const recall = count.masked / (count.masked + count.missed.length)
    const precision = count.masked / (count.masked + count.wrong.length)
    const secrets = count.masked + count.missed.length
    console.log(JSON.stringify({ corpus: 'redact', seeds, secrets, recall, precision }))
    expect(recall, count.missed.join('\n')).toBeGreaterThanOrEqual(0.98)
    expect(precision, count.wrong.join('\n')).toBeGreaterThanOrEqual(0.97)
  })

  it('ING-RED-7 two secrets on a line are two places', () => {
    const [first, second] = trueSamples(7)
      .filter(({ name }) => name === 'npm' || name === 'gitlab')
      .flatMap(({ secrets }) => secrets)
    expect(redact(`${first} ${second}`).findings).toHaveLength(2)
  })
})
