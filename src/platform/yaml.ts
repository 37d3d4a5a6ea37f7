import { parse } from 'yaml'

/** A YAML document as plain data; throws a SyntaxError-like error that names line and column. Aliases are limited. */
export const parseYaml = (text: string): unknown => parse(text, { maxAliasCount: 100 })
