import { projectVariantKey } from '../../model/project-name.ts'
import { isWithin } from './similar-names.ts'

export type NamedWeight = { readonly name: string; readonly weight: number }

export type NameGroup = { readonly canonical: string; readonly names: readonly string[]; readonly why: string }

/** Below this length one letter more or less is as often another project as a slip. */
const slipLengthMin = 6

/** Groups of names that are likely one project; the heaviest name leads (MEM-807). */
export function groupNames(projects: readonly NamedWeight[]): readonly NameGroup[] {
  const sorted = [...projects].sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1))
  const taken = new Set<string>()
  const groups: NameGroup[] = []
  for (const { name } of sorted) {
    if (taken.has(name)) continue
    const alike = sorted.filter(
      (other) => other.name !== name && !taken.has(other.name) && likeness(name, other.name) !== null,
    )
    const [first] = alike
    if (first === undefined) continue
    for (const other of [name, ...alike.map((one) => one.name)]) taken.add(other)
    groups.push({ canonical: name, names: alike.map((one) => one.name), why: likeness(name, first.name) ?? '' })
  }
  return groups
}

function likeness(a: string, b: string): string | null {
  const [keyA, keyB] = [projectVariantKey(a), projectVariantKey(b)]
  if (keyA === keyB) return 'equal but for case, - and _'
  return Math.min(keyA.length, keyB.length) >= slipLengthMin && isWithin(keyA, keyB, 1) ? 'one letter apart' : null
}
