import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** A file system that can be told that its disk is broken, and then turns read-only under whoever writes. */
export type Ext4Disk = {
  readonly path: string
  breakDown(): void
  /** Checked and mounted again under the same path. */
  repair(): void
  remove(): void
}

/** An ext4 in a file, or null where loop devices and mounting are not offered; the caller says so once. */
export function mountExt4Disk(): Ext4Disk | null {
  const root = mkdtempSync(join(tmpdir(), 'engram-ext4-'))
  const [image, path] = [join(root, 'image'), join(root, 'disk')]
  mkdirSync(path)
  writeFileSync(image, '')
  truncateSync(image, 24 * 1024 * 1024)
  const mount = (): number | null => spawnSync('mount', ['-o', 'loop,errors=remount-ro', image, path]).status
  const isMade = spawnSync('mkfs.ext4', ['-q', image]).status === 0 && mount() === 0
  if (!isMade) {
    rmSync(root, { recursive: true })
    return null
  }
  return {
    path,
    breakDown: () => {
      const device = execFileSync('findmnt', ['-no', 'SOURCE', path], { encoding: 'utf8' }).trim()
      writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, 'simulated')
    },
    repair: () => {
      execFileSync('umount', ['-l', path])
      spawnSync('e2fsck', ['-fy', image])
      execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, path])
    },
    remove: () => {
      spawnSync('umount', ['-l', path])
      rmSync(root, { recursive: true, force: true })
    },
  }
}
