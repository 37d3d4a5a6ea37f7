import { doors, fileGrants, onDemandPackages, pureBuiltins, type Row, sharedPackages, table } from './table.ts'
import type { Import } from './imports.ts'
import { type Finding, finding, isNamed, layerOf, packageOf, type SourceFile, targetOf } from './tree.ts'

/** Each file imports only what its row of the table allows. Tests beside the code may use anything but other tests. */
export function checkTable(files: readonly SourceFile[]): readonly Finding[] {
  const known = new Map(files.map((file) => [file.path, file]))
  return files.flatMap((file) => {
    const row = rowOf(file)
    if (row === null) return [finding(file, 1, `no row in the import table for "${file.layer}"`)]
    return file.module.imports.flatMap((one) => {
      const message = refusal(file, one, row, known)
      return message === null ? [] : [finding(file, one.line, message)]
    })
  })
}

/** The table's row for a file, with what the file alone is granted. */
export function rowOf(file: SourceFile): Row | null {
  const row = table[file.layer]
  return row === undefined ? null : { ...row, ...fileGrants[file.path] }
}

function refusal(file: SourceFile, one: Import, row: Row, known: ReadonlyMap<string, SourceFile>): string | null {
  const target = targetOf(file.path, one.specifier)
  if (target !== null) return refusalOfFile(file, one, row, target, known)
  if (file.test) return null
  if (one.specifier.startsWith('node:')) return refusalOfBuiltin(one.specifier, row)
  const name = packageOf(one.specifier)
  if (row.imports.includes('*') || isNamed(name, row.packages)) return null
  return `${file.layer} may not import the package ${name}`
}

function refusalOfFile(
  file: SourceFile,
  one: Import,
  row: Row,
  target: string,
  known: ReadonlyMap<string, SourceFile>,
): string | null {
  const imported = known.get(target)
  if (file.test && target.startsWith('test/')) return null
  if (imported === undefined) return target === 'package.json' ? null : `${one.specifier} is not a file of src`
  if (file.test) return /\.test\.tsx?$/.test(target) ? `a test imports another test: ${target}` : null
  if (imported.test && file.layer !== 'testing.ts') return `${target} is for tests alone`
  const layer = layerOf(target)
  if (layer === file.layer) return null
  if (row.imports.includes('*') ? layer !== 'bin.ts' : row.imports.includes(layer)) return null
  return `${file.layer} may not import ${layer} (${one.specifier})`
}

function refusalOfBuiltin(specifier: string, row: Row): string | null {
  if (row.builtins === 'all' || (row.builtins === 'pure' && pureBuiltins.includes(specifier))) return null
  return `${specifier} belongs behind a door in platform/`
}

/** One door per package: each npm package is imported by one file, the one `doors` names where it names one. */
export function checkDoors(files: readonly SourceFile[]): readonly Finding[] {
  const first = new Map<string, string>()
  const findings: Finding[] = []
  for (const { file, one, name } of packageImports(files)) {
    const door = Object.entries(doors).find(([pattern]) => isNamed(name, [pattern]))?.[1]
    if (door !== undefined && !(door.endsWith('/') ? file.path.startsWith(door) : file.path === door)) {
      findings.push(finding(file, one.line, `${name} is imported by ${door} only`))
      continue
    }
    const per = sharedPackages[name]?.per
    if (per === 'file') continue
    const key = per === 'folder' ? `${file.layer} ${name}` : name
    const holder = first.get(key) ?? file.path
    first.set(key, holder)
    if (holder !== file.path) findings.push(finding(file, one.line, `${name} has its door in ${holder}`))
  }
  return findings
}

type PackageImport = { readonly file: SourceFile; readonly one: Import; readonly name: string }

function packageImports(files: readonly SourceFile[]): readonly PackageImport[] {
  return files
    .filter((file) => !file.test)
    .flatMap((file) => file.module.imports.map((one) => ({ file, one, name: packageOf(one.specifier) })))
    .filter(({ one }) => !one.specifier.startsWith('.') && !one.specifier.startsWith('node:'))
}

/** What is needed on demand is not read at every start: no chain of static imports from `src/bin.ts` reaches it. */
export function checkOnDemand(files: readonly SourceFile[]): readonly Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set(['src/bin.ts'])
  const findings: Finding[] = []
  for (const path of reached) {
    const file = byPath.get(path)
    for (const one of file?.module.imports ?? []) {
      if (file === undefined || one.typeOnly || one.kind === 'dynamic') continue
      const target = targetOf(path, one.specifier)
      if (target !== null) reached.add(target)
      else if (isNamed(packageOf(one.specifier), onDemandPackages)) {
        findings.push(finding(file, one.line, `${one.specifier} is read at every start; import it on demand`))
      }
    }
  }
  return findings
}
