import { readFileSync } from 'node:fs'

const textOf = (name: string): string => readFileSync(new URL(`../../protocol/${name}.proto`, import.meta.url), 'utf8')

/** The contracts as they are written. `scripts/build.ts` puts the texts in the place of this file. */
export const engramProto = textOf('engram')
export const healthProto = textOf('health')
