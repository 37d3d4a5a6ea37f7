import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of its own that can be filled and emptied around a data dir. */
export type SmallDisk = {
  readonly path: string
  /** Takes all room but about so many bytes. */
  leaveFree(bytes: number): void
  /** Gives the room back. */
  empty(): void
  remove(): void
}

/** A tmpfs of so many MiB, or null where none can be mounted; the caller says so once. */
export function mountSmallDisk(mebibytes: number): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'engram-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', path])
  if (mounted.status !== 0) {
    rmSync(path, { recursive: true })
    return null
  }
  const ballast = join(path, 'ballast')
  mkdirSync(join(path, 'other'))
  return {
    path,
    leaveFree: (bytes) => {
      writeFileSync(ballast, '')
      const room = statfsSync(path)
      writeFileSync(ballast, new Uint8Array(Math.max(0, room.bavail * room.bsize - bytes)))
    },
    empty: () => truncateSync(ballast, 0),
    remove: () => {
      execFileSync('umount', ['-l', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}
