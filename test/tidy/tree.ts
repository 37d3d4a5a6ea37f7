import { posix } from 'node:path'
import { type Module, moduleOf } from './imports.ts'

/** Files by path from the root, with forward slashes. */
export type Tree = ReadonlyMap<string, string>

export type Finding = { readonly path: string; readonly line: number; readonly message: string }

export type SourceFile = {
  readonly path: string
  readonly text: string
  readonly module: Module
  /** The row of the import table it stands under: its folder, or its own name at the top of `src`. */
  readonly layer: string
  /** Only tests read it: `x.test.ts`, or anything in a folder named `testing`. */
  readonly test: boolean
}

/** A tree written down in a test: path → text. */
export const treeOf = (files: Readonly<Record<string, string>>): Tree => new Map(Object.entries(files))

/** The TypeScript files under `src`, read. */
export function sourcesOf(tree: Tree): readonly SourceFile[] {
  return [...tree]
    .filter(([path]) => /^src\/.*\.tsx?$/.test(path))
    .map(([path, text]) => ({
      path,
      text,
      module: moduleOf(text),
      layer: layerOf(path),
      test: /\.test\.tsx?$/.test(path) || path.split('/').slice(1, -1).includes('testing'),
    }))
}

/** `src/store/rows.ts` → `store`; `src/app.ts` → `app.ts`. */
export const layerOf = (path: string): string => path.split('/')[1] ?? ''

/** The file a relative specifier names, or null for a package or a builtin. */
export function targetOf(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : null
}

/** `@scope/name/sub` → `@scope/name`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

/** Whether `name` is one of `names`, where `@scope/*` is a whole scope. */
export function isNamed(name: string, names: readonly string[]): boolean {
  return names.some((one) => one === name || (one.endsWith('/*') && name.startsWith(one.slice(0, -1))))
}

export const finding = (file: SourceFile, line: number, message: string): Finding => ({
  path: file.path,
  line,
  message,
})
