import { type Finding, finding, type SourceFile, targetOf } from './tree.ts'

/** No file reaches itself through imports; imports of types and on demand count. One finding per knot. */
export function checkCycles(files: readonly SourceFile[]): readonly Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const edges = (path: string): readonly string[] =>
    (byPath.get(path)?.module.imports ?? [])
      .map((one) => targetOf(path, one.specifier))
      .filter((target): target is string => target !== null && byPath.has(target))
  return files.flatMap((file) => {
    const cycle = shortestWayBack(file.path, edges)
    // Every file of a knot finds it: the one first by name reports.
    if (cycle === null || cycle.some((path) => path < file.path)) return []
    return [finding(file, 1, `import cycle: ${[...cycle, file.path].join(' → ')}`)]
  })
}

function shortestWayBack(start: string, edges: (path: string) => readonly string[]): readonly string[] | null {
  const from = new Map<string, string>()
  const queue = [start]
  for (const path of queue) {
    for (const target of edges(path)) {
      if (target === start) return wayTo(path, start, from)
      if (from.has(target)) continue
      from.set(target, path)
      queue.push(target)
    }
  }
  return null
}

function wayTo(end: string, start: string, from: ReadonlyMap<string, string>): readonly string[] {
  const way = [end]
  for (let path = end; path !== start;) {
    path = from.get(path) ?? start
    way.unshift(path)
  }
  return way
}
