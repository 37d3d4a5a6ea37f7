import { readSmall } from '../platform/files.ts'
import type { DirectoryEntry, FileFacts, FileKind, Files, OpenFile } from '../platform/files.ts'

type Node = { readonly inode: bigint; bytes: Buffer; size: number; mtimeNs: bigint; mode: number }

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: '${path}'`), { code })
const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 1))

/** A disk in memory for simulations: fast, copied in a moment, inode numbers never used twice. Knows no links to paths. */
export class MemoryFiles implements Files {
  #files = new Map<string, Node>()
  /** With the time of their last change. */
  #directories = new Map<string, bigint>([['/', 0n]])
  #next = 1n

  /** The same content on another disk. */
  copy(): MemoryFiles {
    const other = new MemoryFiles()
    const copies = new Map<Node, Node>()
    for (const [path, node] of this.#files) {
      const copy = copies.get(node) ?? { ...node, bytes: Buffer.from(node.bytes.subarray(0, node.size)) }
      copies.set(node, copy)
      other.#files.set(path, copy)
    }
    other.#directories = new Map(this.#directories)
    other.#next = this.#next
    return other
  }

  /** Content of a file as text; throws when it is absent. */
  text(path: string): string {
    const node = this.#node(path)
    return node.bytes.toString('utf8', 0, node.size)
  }

  paths(): readonly string[] {
    return [...this.#files.keys()].sort()
  }

  async open(path: string, mode: Parameters<Files['open']>[1], permissions = 0o600): Promise<OpenFile> {
    const there = this.#files.get(path)
    if (mode === 'read') return this.#handle(this.#node(path))
    if (mode === 'create' && there !== undefined) throw failure('EEXIST', path)
    if (!this.#directories.has(parentOf(path))) throw failure('ENOENT', path)
    const node = there ?? {
      inode: this.#next,
      bytes: Buffer.alloc(0),
      size: 0,
      mtimeNs: this.#tick(),
      mode: permissions,
    }
    this.#files.set(path, node)
    if (there === undefined) this.#touch(path)
    return this.#handle(node)
  }

  async facts(path: string): Promise<FileFacts | null> {
    const node = this.#files.get(path)
    if (node !== undefined) return factsOf(node, 'file')
    const mtimeNs = this.#directories.get(path)
    if (mtimeNs === undefined) return null
    return factsOf({ inode: 0n, bytes: Buffer.alloc(0), size: 0, mtimeNs, mode: 0o700 }, 'directory')
  }

  factsOfMany(paths: readonly string[]): Promise<readonly (FileFacts | null)[]> {
    return Promise.all(paths.map((path) => this.facts(path)))
  }

  readMany(paths: readonly string[], bytesMax: number): ReturnType<Files['readMany']> {
    return Promise.all(paths.map((path) => readSmall(this, path, bytesMax)))
  }

  async list(directory: string): Promise<readonly DirectoryEntry[] | null> {
    if (!this.#directories.has(directory)) return null
    const within = (path: string): boolean => path !== directory && parentOf(path) === directory
    const name = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
    const files = [...this.#files.keys()].filter(within).map((path) => ({ name: name(path), kind: 'file' as const }))
    const folders = [...this.#directories.keys()]
      .filter(within)
      .map((path) => ({ name: name(path), kind: 'directory' as const }))
    return [...files, ...folders].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async makeDirectory(path: string): Promise<void> {
    for (let made = path; !this.#directories.has(made); made = parentOf(made)) this.#directories.set(made, this.#tick())
  }

  async readBytes(path: string): Promise<Uint8Array | null> {
    const node = this.#files.get(path)
    return node === undefined ? null : Buffer.from(node.bytes.subarray(0, node.size))
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#node(from)
    if (!this.#directories.has(parentOf(to))) throw failure('ENOENT', to)
    // As the system does: renaming over another name of the same file leaves both.
    if (this.#files.get(to) === node) return
    this.#files.delete(from)
    this.#files.set(to, node)
    this.#touch(from)
    this.#touch(to)
  }

  async link(from: string, to: string): Promise<void> {
    if (this.#files.has(to)) throw failure('EEXIST', to)
    this.#files.set(to, this.#node(from))
    this.#touch(to)
  }

  async remove(path: string): Promise<void> {
    this.#files.delete(path)
    this.#touch(path)
  }

  async removeDirectory(path: string): Promise<void> {
    if (((await this.list(path)) ?? []).length > 0) throw failure('ENOTEMPTY', path)
    this.#directories.delete(path)
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.#directories.has(path)) throw failure('ENOENT', path)
  }

  #node(path: string): Node {
    const node = this.#files.get(path)
    if (node === undefined) throw failure('ENOENT', path)
    return node
  }

  /** Something came to or went from the directory of this path. */
  #touch(path: string): void {
    this.#directories.set(parentOf(path), this.#tick())
  }

  #tick(): bigint {
    this.#next += 1n
    return this.#next * 1_000n
  }

  #handle(node: Node): OpenFile {
    return {
      read: async (into, position) => {
        const end = Math.min(position + into.length, node.size)
        if (end <= position) return 0
        into.set(node.bytes.subarray(position, end))
        return end - position
      },
      write: async (bytes) => {
        const size = node.size + bytes.length
        if (size > node.bytes.length) {
          const grown = Buffer.alloc(size * 2)
          node.bytes.copy(grown, 0, 0, node.size)
          node.bytes = grown
        }
        node.bytes.set(bytes, node.size)
        node.size = size
        node.mtimeNs = this.#tick()
      },
      sync: () => Promise.resolve(),
      truncate: async (size) => {
        node.size = Math.min(size, node.size)
        node.mtimeNs = this.#tick()
      },
      facts: async () => factsOf(node, 'file'),
      close: () => Promise.resolve(),
    }
  }
}

const factsOf = (node: Node, kind: FileKind): FileFacts => ({
  kind,
  size: node.size,
  mtimeNs: node.mtimeNs,
  inode: node.inode,
  device: 1n,
  mode: node.mode,
})
