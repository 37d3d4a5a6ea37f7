import { bannedNames, entryFiles, linesMax } from './table.ts'
import { type Finding, finding, type SourceFile } from './tree.ts'

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** Files and folders are kebab-case and named after what they hold. */
export function checkNames(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) => {
    const names = file.path.split('/').slice(1)
    const last = names.pop() ?? ''
    names.push(last.replace(/(\.test)?\.tsx?$/, ''))
    return names.flatMap((name) => {
      if (!kebab.test(name)) return [finding(file, 1, `"${name}" is not kebab-case`)]
      if (bannedNames.includes(name)) return [finding(file, 1, `"${name}" says nothing; name what it holds`)]
      return []
    })
  })
}

export function checkDefaultExports(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) => {
    const line = file.module.defaultExportLine
    return line === null ? [] : [finding(file, line, 'default export; export by name')]
  })
}

/** A file that only hands on what others export hides where things live. The library entries are for that. */
export function checkBarrels(files: readonly SourceFile[]): readonly Finding[] {
  return files
    .filter((file) => file.module.barrel && !entryFiles.includes(file.path))
    .map((file) => finding(file, 1, 'only re-exports; import from the files themselves'))
}

export function checkLength(files: readonly SourceFile[]): readonly Finding[] {
  return files
    .filter((file) => linesOf(file) > linesMax)
    .map((file) => finding(file, linesMax, `${linesOf(file)} lines, at most ${linesMax}`))
}

export const linesOf = (file: SourceFile): number => file.text.replace(/\n$/, '').split('\n').length

// Put together here, so that this file holds none of the words it looks for.
const words = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
].map((parts) => parts.join(''))
const unfinished = new RegExp(`\\b(${words.join('|')})\\b`)

/** What is left to do stands in an issue, not in the code. */
export function checkUnfinished(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((text, index) => {
      const word = unfinished.exec(text)?.[0]
      return word === undefined ? [] : [finding(file, index + 1, `${word} in src`)]
    }),
  )
}
