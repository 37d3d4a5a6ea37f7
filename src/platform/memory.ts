/** Memory of the whole process that stands in RAM, bytes. */
export const residentBytes = (): number => process.memoryUsage.rss()
