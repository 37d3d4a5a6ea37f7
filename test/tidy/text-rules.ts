import type { Finding, Tree } from './tree.ts'

/** Homes and folders invented for tests and documents; no machine of ours has them. */
const inventedHomes: readonly string[] = ['user', 'me', 'you', 'dev', 'ada', 'alice', 'bob', 'someone']

// Put together here, so that this file holds none of what it looks for.
const machinePath = new RegExp(
  `(?<![\\w.])/(?:${['work/main', 'work/shared', 'root'].join('|')})(?:/|\\b)|/(?:home|Users)/([A-Za-z][\\w.-]*)/`,
  'g',
)
const registries = ['npmjs', 'yarnpkg'].map((name) => `registry\\.${name}\\.\\w+`)
const registryHost = new RegExp(`\\b(?:${registries.join('|')})\\b`)

/** No tracked file names a path of the machine it was written on, or the registry its packages came from. */
export function checkTexts(tree: Tree): readonly Finding[] {
  return [...tree].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index) => {
      const messages: string[] = []
      for (const match of line.matchAll(machinePath)) {
        if (match[1] === undefined || !inventedHomes.includes(match[1]))
          messages.push(`a path of a machine: ${match[0]}`)
      }
      const host = registryHost.exec(line)?.[0]
      if (host !== undefined) messages.push(`a registry: ${host}`)
      return messages.map((message) => ({ path, line: index + 1, message }))
    }),
  )
}
