import { describe, expect, it } from 'vitest'
import { trueSamples } from './redact-samples.ts'
import { createRedactor } from './redact.ts'
import { loadSecondLook, secondLook } from './secretlint-preset.ts'

describe('the preset of secretlint', () => {
  it('ING-RED-4 what it finds, ours mask: nothing is left for a second look', async () => {
    const look = await loadSecondLook()
    const { redact } = createRedactor()
    let places = 0
    for (const { text } of [1, 2, 3].flatMap(trueSamples)) {
      const { text: masked, findings } = redact(text)
      for (const { kind, start, end } of look(text)) {
        places++
        expect(
          findings.some((ours) => ours.start < end && ours.end > start),
          `${kind} in ${text}`,
        ).toBe(true)
      }
      expect(look(masked).filter(({ start, end }) => !masked.slice(start, end).includes('[REDACTED'))).toEqual([])
    }
    expect(places).toBeGreaterThan(50)
  })

  it('ING-RED-4 a comment in the text switches nothing off', async () => {
    const sample = trueSamples(1).find(({ name }) => name === 'github classic')
    const findings = await secondLook(`// secretlint-disable\n${sample?.secrets[0]}`)
    expect(findings.map(({ kind }) => kind)).toEqual(['preset-github'])
  })
})
