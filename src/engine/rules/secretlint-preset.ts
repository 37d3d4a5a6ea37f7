import type { SecretLintRuleCreator, SecretLintSourceCode } from '@secretlint/types'
import { base64, runEnd, word } from './detectors/characters.ts'
import type { Finding } from './detectors/finding.ts'

/** Searches text with the rules of secretlint's preset. Synchronous once loaded. */
export type SecondLook = (text: string) => readonly Finding[]

/**
 * Loads the preset (about 10 ms, so only when asked for) and gives its rules as a function.
 * - The rules for text run synchronously; they are driven directly, without @secretlint/core, whose filter would let a
 *   comment in the text (`secretlint-disable`) switch them off and whose profiler keeps a mark of every call.
 * - Findings are cut at the first quote, backslash or line break, since some rules take the rest of the line, and reach
 *   to the end of the last word, since one reports the right length at the wrong place.
 * - Kinds are `preset-<rule>`, such as `preset-github`.
 */
export async function loadSecondLook(): Promise<SecondLook> {
  const { rules } = await import('@secretlint/secretlint-rule-preset-recommend')
  const scanners = rules.filter((rule) => rule.meta.type === 'scanner')
  return (text) => scanners.flatMap((rule) => findByRule(rule, text)).sort((a, b) => a.start - b.start || a.end - b.end)
}

/**
 * ING-RED-4: what secretlint's preset finds in the text, for doors that can wait: `doctor --check stored_secrets` and data
 * that leaves. The save path uses the redactor alone, whose formats include the preset's.
 */
export async function secondLook(text: string): Promise<readonly Finding[]> {
  return (await loadSecondLook())(text)
}

function findByRule(rule: SecretLintRuleCreator, text: string): Finding[] {
  const kind = `preset-${rule.meta.id.replace(/^.*secretlint-rule-/, '')}`
  const findings: Finding[] = []
  const handler = rule.create(
    {
      sharedOptions: {},
      createTranslator: () => (messageId) => ({
        message: String(messageId),
        messageId: String(messageId),
        data: undefined,
      }),
      report: ({ range: [start, end] }) => findings.push(cut(text, { kind, start, end })),
      ignore: () => undefined,
    },
    {},
  )
  // Only the rule for .p12 files answers later, and it looks at nothing that has no such path.
  void handler.file?.(asSource(text))
  return findings.filter(({ start, end }) => end > start)
}

function cut(text: string, { kind, start, end }: Finding): Finding {
  if (text.startsWith('-----BEGIN', start)) return { kind, start, end }
  const stop = text.slice(start, end).search(/["'`\\\r\n]/)
  return { kind, start, end: stop === -1 ? runEnd(text, end, word | base64) : start + stop }
}

const nowhere = { start: { line: 0, column: 0 }, end: { line: 0, column: 0 } }

/** A text without a file. The rules read its content only; places are offsets already. */
function asSource(content: string): SecretLintSourceCode {
  return {
    hasBOM: false,
    content,
    filePath: undefined,
    physicalFilePath: undefined,
    contentType: 'text',
    ext: '',
    getFilePath: () => undefined,
    getPhysicalFilePath: () => undefined,
    locationToRange: () => [0, 0],
    rangeToLocation: () => nowhere,
    positionToIndex: () => 0,
    indexToPosition: () => nowhere.start,
  }
}
